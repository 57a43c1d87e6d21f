// cenote: SPDX-License-Identifier: MIT
#include "record/run.hpp"
#include "text.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fmt/format.h>
#include <fstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

bool is_executable_file(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

bool is_dynamic(std::ifstream& file, const Elf64_Ehdr& elf) {
    for (unsigned i = 0; i < elf.e_phnum; ++i) {
        Elf64_Phdr segment{};
        file.seekg(static_cast<std::streamoff>(elf.e_phoff) +
                   static_cast<std::streamoff>(i) * elf.e_phentsize);
        if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) return false;
        if (segment.p_type == PT_INTERP) return true;
    }
    return false;
}

} // namespace

std::string find_program(const std::string& program) {
    if (program.find('/') != std::string::npos) return ::access(program.c_str(), F_OK) == 0 ? program : "";
    const char* value = std::getenv("PATH");
    std::string_view path = value != nullptr ? value : "/usr/local/bin:/usr/bin:/bin";
    while (true) {
        const std::size_t colon = path.find(':');
        const std::string folder(path.substr(0, colon));
        const std::string candidate = (folder.empty() ? "." : folder) + "/" + program;
        if (is_executable_file(candidate)) return candidate;
        if (colon == std::string_view::npos) return "";
        path.remove_prefix(colon + 1);
    }
}

std::string why_unrecordable(const std::string& program) {
    const std::string path = find_program(program);
    struct stat info{};
    std::ifstream file(path, std::ios::binary);
    Elf64_Ehdr elf{};
    file.read(reinterpret_cast<char*>(&elf), sizeof elf);
    if (::stat(path.c_str(), &info) != 0 || file.gcount() < 2) return "it cannot be read";
    if ((info.st_mode & (S_ISUID | S_ISGID)) != 0)
        return "it runs with another user's rights (setuid), where nothing may be preloaded; record it as "
               "that user";
    if (std::memcmp(&elf, "#!", 2) == 0)
        return "it is a script whose interpreter could not be recorded; record the interpreter's own program";
    if (file.gcount() < static_cast<std::streamsize>(sizeof elf) ||
        std::memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
        return "it is no program of a kind that can be recorded";
    if (elf.e_ident[EI_CLASS] != ELFCLASS64)
        return "it is a 32-bit program, and this recorder is for 64-bit programs";
    if (!is_dynamic(file, elf)) return "it is linked statically; link it dynamically to record it";
    return "it cleared its environment, or made no allocation at all";
}

} // namespace cenote::tool
