# cenote: SPDX-License-Identifier: MIT
# Asio without Boost, where it is installed: nothing of the library needs it, but the relay, its tests and its bench do.

find_path(CENOTE_ASIO_INCLUDE asio/co_spawn.hpp)
mark_as_advanced(CENOTE_ASIO_INCLUDE)
set(asio_include ${CENOTE_ASIO_INCLUDE})
if(CMAKE_CROSSCOMPILING AND NOT asio_include)
    # It is headers alone, the same for every target: those of this machine, without the others that stand beside them.
    find_path(CENOTE_ASIO_HERE asio/co_spawn.hpp NO_CMAKE_FIND_ROOT_PATH PATHS /usr/local/include /usr/include)
    mark_as_advanced(CENOTE_ASIO_HERE)
    if(CENOTE_ASIO_HERE)
        set(asio_include ${CMAKE_BINARY_DIR}/asio)
        file(MAKE_DIRECTORY ${asio_include})
        file(CREATE_LINK ${CENOTE_ASIO_HERE}/asio ${asio_include}/asio SYMBOLIC)
    endif()
endif()
if(asio_include)
    add_library(cenote_asio INTERFACE)
    target_include_directories(cenote_asio SYSTEM INTERFACE ${asio_include})
    target_compile_definitions(cenote_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED
        $<$<PLATFORM_ID:Windows>:_WIN32_WINNT=0x0A00>)
    target_link_libraries(cenote_asio INTERFACE Threads::Threads $<$<PLATFORM_ID:Windows>:ws2_32 mswsock>)
endif()
