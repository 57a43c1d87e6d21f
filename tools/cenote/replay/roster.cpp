// cenote: SPDX-License-Identifier: MIT
#include "replay/roster.hpp"

#include "text.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <unistd.h>

namespace cenote::tool {
namespace {

struct known_allocator {
    const char* name;
    std::vector<std::string> libraries; // the preferred first
    const char* package;
};

const std::vector<known_allocator>& known_allocators() {
    static const std::vector<known_allocator> all{
        {"mimalloc", {"libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so"}, "libmimalloc-dev"},
        {"jemalloc", {"libjemalloc.so.2", "libjemalloc.so"}, "libjemalloc2"},
        {"tcmalloc", {"libtcmalloc_minimal.so.4", "libtcmalloc_minimal.so"}, "libtcmalloc-minimal4"},
        {"tbbmalloc", {"libtbbmalloc_proxy.so.2", "libtbbmalloc_proxy.so"}, "libtbbmalloc2"},
    };
    return all;
}

// The libraries the dynamic linker knows, as lines of "name (…) => path".
std::string linker_cache() {
    std::string text;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
        ::popen("PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null", "re"), ::pclose);
    if (pipe == nullptr) return text;
    std::array<char, 4096> buffer{};
    for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
        text.append(buffer.data(), n);
    return text;
}

std::string find_in_cache(const std::string& cache, const std::string& library) {
    for (std::size_t at = 0; (at = cache.find("\t" + library + " (", at)) != std::string::npos; ++at) {
        const std::string line = cache.substr(at, cache.find('\n', at + 1) - at);
        const std::size_t arrow = line.find("=> ");
        if (arrow == std::string::npos || line.find("64") == std::string::npos) continue;
        std::string path = line.substr(arrow + 3);
        if (std::filesystem::exists(path)) return path;
    }
    return "";
}

std::string find_library(const std::string& cache, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (std::string path = find_in_cache(cache, name); !path.empty()) return path;
        for (const char* folder :
             {"/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"})
            if (std::string path = std::string(folder) + "/" + name; ::access(path.c_str(), R_OK) == 0)
                return path;
    }
    return "";
}

} // namespace

roster find_contenders(bool threads) {
    roster out;
    const auto add = [&](const char* name, std::string_view word) {
        out.contenders.push_back({name, std::string(word), ""});
    };
    add("malloc (C library)", contender_words::malloc);
    if (threads)
        add("std::pmr synchronized", contender_words::pmr_synchronized);
    else
        add("std::pmr pool", contender_words::pmr);
    const std::string cache = linker_cache();
    for (const known_allocator& known : known_allocators()) {
        const std::string path = find_library(cache, known.libraries);
        if (path.empty())
            out.absent.push_back({known.name, known.package});
        else
            out.contenders.push_back({known.name, std::string(contender_words::malloc), path});
    }
    if (threads) {
        add("cenote::concurrent_multi_pool", contender_words::cenote_concurrent);
        add("the same, sized free", contender_words::cenote_concurrent_sized);
        add("cenote::locked<multi_pool>", contender_words::cenote_locked);
    } else {
        add("cenote::multi_pool", contender_words::cenote);
        add("the same, sized free", contender_words::cenote_sized);
    }
    out.ours = threads ? contender_words::cenote_concurrent : contender_words::cenote;
    add("no-op", contender_words::no_op);
    return out;
}

} // namespace cenote::tool
