# SPDX-License-Identifier: Apache-2.0
# The engine for better processors than the program's own code asks for: models/ once more for each
# instruction set, as a library that the program opens by name (sim/app/engine_library.h).

# stagecoach_engine_library(<name> <sources>): a library that shows nothing but its door. Even weak
# symbols of the standard library's templates stay inside: of those that are visible a process keeps
# one copy, and an older processor could meet an instruction that it lacks.
function(stagecoach_engine_library name)
  set(exports ${CMAKE_SOURCE_DIR}/models/engine_door.map)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE stagecoach_flags Eigen3::Eigen)
  target_link_options(${name} PRIVATE -Wl,--version-script=${exports})
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${exports} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

set(flags_avx2 -march=x86-64-v3)
set(flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)

# Best first. Who chooses the instruction set gets one engine, inside the program; so do other
# processors, and instruments.
set(STAGECOACH_ENGINE_LIBRARIES "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$" AND NOT STAGECOACH_NATIVE
   AND NOT STAGECOACH_SANITIZE AND NOT CMAKE_CXX_FLAGS MATCHES "-march=")
  set(STAGECOACH_ENGINE_LIBRARIES avx512 avx2)
endif()

foreach(set ${STAGECOACH_ENGINE_LIBRARIES})
  stagecoach_engine_library(stagecoach_${set} ${MODELS_SOURCES})
  target_compile_options(stagecoach_${set} PRIVATE ${MODELS_OPTIONS} ${flags_${set}})
  target_link_libraries(stagecoach_${set} PRIVATE ${MODELS_LIBRARIES})
endforeach()
