# cenote: SPDX-License-Identifier: MIT
# What every target of this project shares: warnings, hidden symbols, no compiler extensions, ccache where it is installed.

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(CCACHE ccache)
    if(CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
    endif()
endif()

# Windows looks for libraries beside the program, and Wine knows none of the compiler's.
if(PROJECT_IS_TOP_LEVEL AND WIN32)
    set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    if(CMAKE_CROSSCOMPILING)
        foreach(name libstdc++-6.dll libgcc_s_seh-1.dll libwinpthread-1.dll)
            execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${name}
                OUTPUT_VARIABLE file OUTPUT_STRIP_TRAILING_WHITESPACE)
            file(COPY ${file} DESTINATION ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
        endforeach()
    endif()
endif()

add_library(cenote_warnings INTERFACE)
target_compile_options(cenote_warnings INTERFACE
    -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${CENOTE_WERROR}>:-Werror>)
