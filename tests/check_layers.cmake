# SPDX-License-Identifier: Apache-2.0
# Who may include whom (docs/architecture.md, "Dependency direction"), that every test on disk is
# built, and that no file of code is too long. Compilers cannot see the first: SystemC and Eigen lie in
# the system's include folders.
#
#   cmake -DSOURCE_DIR=... -DTEST_SOURCES=<file with the tests in the build> -P check_layers.cmake

cmake_minimum_required(VERSION 3.22)

set(failures "")
set(folders_with_a_rule sim/app)  # the program may include everything

# layer(<folder> <our folders it may include> <third-party headers it may include>): regular
# expressions on the text between the quotes or brackets; the standard library is always allowed.
function(layer folder ours third_party)
  file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/${folder}/*.h
       ${SOURCE_DIR}/${folder}/*.cpp)
  foreach(file ${files})
    file(STRINGS ${SOURCE_DIR}/${file} lines REGEX "^[ \t]*#[ \t]*include")
    foreach(line ${lines})
      string(REGEX MATCH "[<\"]([^>\"]+)[>\"]" found "${line}")
      set(name "${CMAKE_MATCH_1}")
      if(line MATCHES "include[ \t]*\"")
        set(allowed "^(${ours})")
      else()
        # Headers without a slash and an extension are the standard's; a few of C's and POSIX's.
        set(allowed "^([a-z_0-9]+|[a-z]+\\.h|sys/[a-z]+\\.h|${third_party})$")
        if(name MATCHES "^(systemc|tlm|omp\\.h|zlib\\.h)" AND NOT name MATCHES "^(${third_party})$")
          set(allowed "^$")
        endif()
      endif()
      if(NOT name MATCHES "${allowed}")
        string(APPEND failures "\n  ${file} must not include ${name}")
      endif()
    endforeach()
  endforeach()
  set(failures "${failures}" PARENT_SCOPE)
  set(folders_with_a_rule ${folders_with_a_rule} ${folder} PARENT_SCOPE)
endfunction()

set(eigen "Eigen/[A-Za-z]+")
set(json "nlohmann/json(_fwd)?\\.hpp")

layer(models "models/" "${eigen}|omp\.h|zlib\.h|${json}")
# Each folder may include those above it that its row names, never one below.
layer(sim/base "models/base/|sim/base/" "-")
layer(sim/files "models/base/|sim/(base|files)/" "zlib\\.h")
layer(sim/hardware "models/|sim/(base|hardware)/" "-")
layer(sim/schedule "models/|sim/(base|schedule)/" "-")
layer(sim/recording "models/|sim/(base|files|schedule|recording)/" "${json}|zlib\\.h")
layer(sim/timing "models/|sim/(base|hardware|timing)/" "-")
layer(sim/plan "models/|sim/(base|hardware|schedule|timing|plan)/" "-")
layer(sim/stats "models/|sim/(base|files|hardware|schedule|timing|plan|stats)/" "${json}")
layer(sim/trace "models/|sim/(base|files|schedule|plan|stats|trace)/" "${json}")
layer(sim/config "models/|sim/(base|hardware|schedule|config)/" "${json}|boost/program_options\\.hpp")
layer(sim/modules "models/|sim/(base|schedule|plan|stats|modules)/" "systemc")
layer(sim/system "models/|sim/(base|schedule|plan|stats|modules|system)/" "systemc")

file(GLOB folders RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/sim/*)
foreach(folder ${folders})
  if(NOT folder IN_LIST folders_with_a_rule)
    string(APPEND failures "\n  ${folder} has no rule in tests/check_layers.cmake")
  endif()
endforeach()

# One vector vocabulary: built-in vector types and intrinsics stand in models/kernels.
file(GLOB_RECURSE numeric_files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/models/*.h
     ${SOURCE_DIR}/models/*.cpp)
foreach(file ${numeric_files})
  file(STRINGS ${SOURCE_DIR}/${file} vector_lines
       REGEX "vector_size|intrin\\.h|_mm[0-9]*_|__builtin_(shuffle|ia32|prefetch)")
  if(vector_lines AND NOT file MATCHES "^models/kernels/")
    string(APPEND failures "\n  ${file} must not use vectors by hand: only models/kernels does")
  endif()
endforeach()

# JSON stops at the border: one file of models reads it (the header of a safetensors file).
file(GLOB_RECURSE model_files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/models/*.h
     ${SOURCE_DIR}/models/*.cpp)
foreach(file ${model_files})
  file(STRINGS ${SOURCE_DIR}/${file} json_lines REGEX "#include <nlohmann")
  if(json_lines AND NOT file STREQUAL "models/data/safetensors.cpp")
    string(APPEND failures "\n  ${file} must not include nlohmann/json: no JSON in models")
  endif()
endforeach()

file(GLOB_RECURSE tests_on_disk ${SOURCE_DIR}/tests/*_test.cpp)
file(STRINGS ${TEST_SOURCES} tests_in_build)
foreach(test ${tests_on_disk})
  if(NOT test IN_LIST tests_in_build)
    string(APPEND failures "\n  ${test} is in no test program")
  endif()
endforeach()

# Nobody finds their way in a long file.
set(most_lines 400)
file(GLOB_RECURSE code RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/models/* ${SOURCE_DIR}/sim/*
     ${SOURCE_DIR}/tests/* ${SOURCE_DIR}/tools/*)
list(FILTER code EXCLUDE REGEX "^tests/data/|__pycache__|\\.(json|csv|svg|png|md|css)$")
foreach(file ${code} CMakeLists.txt)
  file(READ ${SOURCE_DIR}/${file} text)
  string(REGEX MATCHALL "\n" ends "${text}")
  list(LENGTH ends lines)
  if(lines GREATER most_lines)
    string(APPEND failures "\n  ${file} has ${lines} lines; allowed: ${most_lines}")
  endif()
endforeach()

if(failures)
  message(FATAL_ERROR "Layers:${failures}")
endif()
list(LENGTH tests_on_disk count)
message(STATUS "Includes follow the layers; ${count} test files are in the build; no file is too long.")
