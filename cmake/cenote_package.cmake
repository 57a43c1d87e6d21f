# cenote: SPDX-License-Identifier: MIT
# `cpack` makes three packages for Debian, one a component: the shared library, named after its soname so that two
# versions can be installed beside each other; what one needs to build against it; and the tool.
# Configure with -DCMAKE_INSTALL_LIBDIR=lib/<architecture's triplet>, as Debian has it.
set(abi ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(package_of_runtime libcenote${abi})
set(package_of_development libcenote-dev)
set(package_of_tool cenote)
set(section_of_runtime libs)
set(section_of_development libdevel)
set(section_of_tool devel)
set(title_of_runtime "memory pools for C++20 and C, shared library")
set(title_of_development "memory pools for C++20 and C, development files")
set(title_of_tool "records and replays what a program allocates")
set(text_of_runtime "Pools of equal blocks, of objects, of any size and of buffers, for one
thread or many. This package has the shared library.")
set(text_of_development "Pools of equal blocks, of objects, of any size and of buffers, for one
thread or many. This package has the headers, the static library, and what
CMake and pkg-config need to find them.")
set(text_of_tool "Records every allocation of a real program, and replays the recording on
malloc, on the general allocators that are installed and on cenote's memory
pools, to compare their time and memory.")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cenote)
set(CPACK_PACKAGE_CONTACT "The cenote authors <nobody@cenote.invalid>" CACHE STRING "Who answers for the packages")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # it would come before the title of each
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/cenote_package_finish.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${package_of_runtime} (= ${PROJECT_VERSION})")

set(CPACK_COMPONENTS_ALL runtime development)
if(TARGET cenote-tool)
    list(APPEND CPACK_COMPONENTS_ALL tool)
endif()
foreach(component ${CPACK_COMPONENTS_ALL})
    string(TOUPPER ${component} upper)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package_of_${component}})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section_of_${component}})
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${title_of_${component}}\n${text_of_${component}}")
    install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package_of_${component}} RENAME copyright
        COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
