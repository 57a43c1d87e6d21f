# cenote: SPDX-License-Identifier: MIT
# Asio without Boost, where it is installed: nothing of the library needs it, but the relay, its tests and its bench do.

find_path(CENOTE_ASIO_INCLUDE asio/co_spawn.hpp)
mark_as_advanced(CENOTE_ASIO_INCLUDE)
if(CENOTE_ASIO_INCLUDE AND NOT WIN32 AND NOT CMAKE_CROSSCOMPILING)
    add_library(cenote_asio INTERFACE)
    target_include_directories(cenote_asio SYSTEM INTERFACE ${CENOTE_ASIO_INCLUDE})
    target_compile_definitions(cenote_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
    target_link_libraries(cenote_asio INTERFACE Threads::Threads)
endif()
