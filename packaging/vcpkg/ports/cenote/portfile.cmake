# cenote: SPDX-License-Identifier: MIT
# An overlay port of the source tree that it stands in.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)

set(LIBRARIES static)
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
    set(LIBRARIES shared)
endif()
vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS FEATURES tool CENOTE_BUILD_TOOLS)
if("tool" IN_LIST FEATURES) # it finds zstd by pkg-config
    vcpkg_find_acquire_program(PKGCONFIG)
    list(APPEND FEATURE_OPTIONS "-DPKG_CONFIG_EXECUTABLE=${PKGCONFIG}")
endif()

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DCENOTE_LIBRARIES=${LIBRARIES}
        -DCENOTE_BUILD_TESTS=OFF
        -DCENOTE_BUILD_EXAMPLES=OFF
        ${FEATURE_OPTIONS}
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/cenote)
vcpkg_fixup_pkgconfig()

if("tool" IN_LIST FEATURES)
    # The recorder is found from the place of the tool.
    vcpkg_copy_tools(TOOL_NAMES cenote AUTO_CLEAN)
    file(RENAME "${CURRENT_PACKAGES_DIR}/lib/cenote/libcenote-record.so"
        "${CURRENT_PACKAGES_DIR}/tools/${PORT}/libcenote-record.so")
    file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib/cenote" "${CURRENT_PACKAGES_DIR}/debug/lib/cenote")
endif()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
