# cenote: SPDX-License-Identifier: MIT
# `cmake --install`, in three components: `runtime` is the shared library, `development` the headers, the static library,
# the CMake package and the pkg-config file, `tool` the command line with its recorder, man page and completions.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cenote)
set(libraries ${CENOTE_LIBRARIES})
list(TRANSFORM libraries PREPEND cenote_)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)
install(DIRECTORY include/cenote DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(TARGETS ${libraries} EXPORT cenoteTargets
    RUNTIME COMPONENT runtime
    LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
    ARCHIVE COMPONENT development)
install(EXPORT cenoteTargets NAMESPACE cenote:: DESTINATION ${package_dir})

configure_package_config_file(cmake/cenoteConfig.cmake.in cenoteConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(cenoteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cenoteConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/cenoteConfigVersion.cmake
    DESTINATION ${package_dir})

# The prefix is found from the place of the file, so that an installed tree can be moved.
# What programs that are linked by a C compiler need besides the static library: the runtime of C++, whichever it is.
set(private_of_pc "")
foreach(library ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
    if(library MATCHES "^(stdc\\+\\+|c\\+\\+)$")
        string(APPEND private_of_pc " -l${library}")
    endif()
endforeach()
if(WIN32)
    string(APPEND private_of_pc " -lsynchronization")
endif()
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/cenote.pc.in cenote.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cenote.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET cenote-tool)
    set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME tool)
    set(CENOTE_ZSH_COMPLETIONS ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh looks for completions")
    install(TARGETS cenote-tool)
    install(TARGETS cenote-record LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/cenote)
    configure_file(tools/cenote/cenote.1.in cenote.1 @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cenote.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES tools/cenote/completion/cenote.bash RENAME cenote
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES tools/cenote/completion/cenote.zsh RENAME _cenote DESTINATION ${CENOTE_ZSH_COMPLETIONS})
    install(FILES tools/cenote/completion/cenote.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
unset(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME)
