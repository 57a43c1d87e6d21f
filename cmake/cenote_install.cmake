# cenote: SPDX-License-Identifier: MIT
# `cmake --install`: headers, both libraries, the CMake package, the pkg-config file and the tool.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cenote)

install(DIRECTORY include/cenote DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(TARGETS cenote_static cenote_shared EXPORT cenoteTargets)
install(EXPORT cenoteTargets NAMESPACE cenote:: DESTINATION ${package_dir})

configure_package_config_file(cmake/cenoteConfig.cmake.in cenoteConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(cenoteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cenoteConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/cenoteConfigVersion.cmake
    DESTINATION ${package_dir})

# The prefix is found from the place of the file, so that an installed tree can be moved.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/cenote.pc.in cenote.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cenote.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(CENOTE_BUILD_TOOLS)
    install(TARGETS cenote-tool cenote-record LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
