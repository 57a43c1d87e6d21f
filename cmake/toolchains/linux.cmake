# cenote: SPDX-License-Identifier: MIT
# Linux on another processor, whose programs run under qemu-user. CENOTE_TARGET names it as Debian's compilers do:
# aarch64-linux-gnu, arm-linux-gnueabihf (32 bits), s390x-linux-gnu (big-endian).
# Packages (Debian): qemu-user g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-s390x-linux-gnu
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CENOTE_TARGET)
string(REGEX MATCH "^[a-z0-9]+" CMAKE_SYSTEM_PROCESSOR ${CENOTE_TARGET})
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${CENOTE_TARGET}-gcc)
set(CMAKE_CXX_COMPILER ${CENOTE_TARGET}-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${CMAKE_SYSTEM_PROCESSOR};-L;/usr/${CENOTE_TARGET})
set(CMAKE_FIND_ROOT_PATH /usr/${CENOTE_TARGET})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
