# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where, and the Debian package (docs/install.md).
include(GNUInstallDirs)

set(presets ${CMAKE_INSTALL_DATADIR}/stagecoach)
set(manual ${CMAKE_BINARY_DIR}/stagecoach.1)
set(completion ${CMAKE_BINARY_DIR}/stagecoach.bash)

add_executable(write_documents EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tools/install/write_documents.cpp)
target_link_libraries(write_documents PRIVATE stagecoach_sim)
add_custom_command(OUTPUT ${manual} ${completion}
  COMMAND write_documents ${manual} ${completion}
  DEPENDS write_documents)
add_custom_target(documents ALL DEPENDS ${manual} ${completion})
add_dependencies(stagecoach documents)  # what a build of the program alone can install

install(TARGETS stagecoach RUNTIME)
foreach(set ${STAGECOACH_ENGINE_LIBRARIES})
  install(TARGETS stagecoach_${set} LIBRARY DESTINATION lib/stagecoach)
endforeach()
file(GLOB hardware_presets CONFIGURE_DEPENDS hw/*.json)
file(GLOB technologies CONFIGURE_DEPENDS hw/technologies/*.json)
file(GLOB workload_presets CONFIGURE_DEPENDS workloads/*.json)
install(FILES ${hardware_presets} DESTINATION ${presets}/hw)
install(FILES ${technologies} DESTINATION ${presets}/hw/technologies)
install(FILES ${workload_presets} DESTINATION ${presets}/workloads)
install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME stagecoach)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME stagecoach)
set(CPACK_PACKAGE_CONTACT "Stagecoach maintainers <maintainers@stagecoach.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
  "simulator of a pipelined-backpropagation training accelerator")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # which of Debian's libraries it needs
include(CPack)
