# cenote: SPDX-License-Identifier: MIT
# The recipe for Conan 2. From the root of the source tree: conan create packaging/conan -s compiler.cppstd=20
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy

SOURCES = ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*")


class CenoteRecipe(ConanFile):
    name = "cenote"
    version = "0.1.0"
    package_type = "library"
    license = "MIT"
    description = "Memory pools for C++20, for one thread or many, with faces for std::pmr and C"
    topics = ("memory", "allocator", "pool")
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for pattern in SOURCES:
            copy(self, pattern, src=root, dst=self.export_sources_folder)

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["CENOTE_LIBRARIES"] = "shared" if self.options.shared else "static"
        for part in ("TESTS", "TOOLS", "EXAMPLES"):
            toolchain.cache_variables[f"CENOTE_BUILD_{part}"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.libs = ["cenote"]
        self.cpp_info.set_property("cmake_file_name", "cenote")
        self.cpp_info.set_property("cmake_target_name", "cenote::cenote")
        self.cpp_info.set_property("pkg_config_name", "cenote")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
        elif self.settings.os == "Windows":
            self.cpp_info.system_libs = ["synchronization"]
