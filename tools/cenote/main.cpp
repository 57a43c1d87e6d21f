// cenote: SPDX-License-Identifier: MIT
//
// The command line of `cenote`: what it understands, and the status it exits with.
#include "record/command.hpp"
#include "replay/child.hpp"
#include "replay/command.hpp"
#include "text.hpp"
#include "trace/format.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <new>
#include <string>
#include <vector>

namespace {

using namespace cenote::tool;

constexpr const char* exit_codes =
    "\nExit status:\n"
    "  record   the program's own; 128 + N when signal N ended it; 127 when there is no such program, 126 "
    "when it\n"
    "           cannot be run, 125 when recording itself failed\n"
    "  others   0 when all went well, 1 when it did not, 2 when the command line was not understood\n";

struct command_line {
    std::vector<std::string> own;     // up to the first "--", last first, as CLI11 wants it
    std::vector<std::string> program; // behind it
    bool has_program = false;
};

command_line split(int argc, char** argv) {
    command_line out;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (out.has_program)
            out.program.push_back(argument);
        else if (argument == "--")
            out.has_program = true;
        else
            out.own.push_back(argument);
    }
    std::reverse(out.own.begin(), out.own.end());
    return out;
}

CLI::App* add_record(CLI::App& app, record_options& options) {
    CLI::App* command = app.add_subcommand("record", "Run a program and record every allocation it makes");
    command->footer("\nUsage: cenote record -o FILE [OPTIONS] -- PROGRAM [ARGUMENTS…]\n");
    command->add_option("-o,--output", options.file, "The recording to write")->required()->type_name("FILE");
    command
        ->add_option("--spool", options.spool,
                     "The folder for temporary files, 32 bytes an event (default: that of FILE)")
        ->type_name("FOLDER");
    command->add_flag("-q,--quiet", options.quiet, "Say nothing unless something is wrong");
    return command;
}

CLI::App* add_replay(CLI::App& app, replay_options& options) {
    CLI::App* command =
        app.add_subcommand("replay", "Replay a recording on pools and allocators and compare them");
    command->add_option("FILE", options.file, "The recording")->required()->type_name("");
    command
        ->add_option("--rounds", options.rounds,
                     "How often each contender is timed (default: 5 to 20 times, as there is time)")
        ->check(CLI::Range(1, 1000))
        ->type_name("N");
    command
        ->add_option("--process", options.process,
                     "The process id to replay (default: the one that allocates most)")
        ->type_name("PID");
    command
        ->add_option_function<std::string>(
            "--threads",
            [&](const std::string& word) {
                if (word != "one" && word != "recorded")
                    throw CLI::ValidationError("--threads", "takes 'one' or 'recorded', not '" + word + "'");
                options.threads = word == "one" ? replay_threads::one : replay_threads::recorded;
            },
            "Replay with the recorded threads, or all of them by one worker in the recorded order\n"
            "(default: recorded, when the recording has several)")
        ->type_name("one|recorded");
    command->add_option("--json", options.json, "Write the numbers to FILE, too")->type_name("FILE");
    command->add_flag("--whole", options.whole, "Replay all of a long recording, however long it takes");
    return command;
}

int run(command_line& line) {
    CLI::App app{"cenote records what a program allocates, and replays it on memory pools and allocators.",
                 "cenote"};
    app.set_version_flag("--version", "cenote " CENOTE_VERSION);
    app.require_subcommand(1);
    app.footer(exit_codes);
    record_options recording;
    replay_options replaying;
    const CLI::App* record_command = add_record(app, recording);
    const CLI::App* replay_command = add_replay(app, replaying);
    try {
        app.parse(line.own);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& wrong) {
        fmt::print(stderr, "cenote: {}\nTry: cenote --help\n", printable(wrong.what()));
        return record_command->parsed() ? 125 : 2;
    }
    if (replay_command->parsed()) {
        if (line.has_program) throw failure("replay takes no program; record takes one", 2);
        return replay(replaying);
    }
    if (line.program.empty())
        throw failure("which program? Write: cenote record -o FILE -- PROGRAM [ARGUMENTS…]", 125);
    recording.command = std::move(line.program);
    return record(recording);
}

} // namespace

int main(int argc, char** argv) {
    int status = 1;
    try {
        if (argc > 1 && std::string(argv[1]) == replay_child_word) return replay_child(argc, argv);
        command_line line = split(argc, argv);
        if (!line.own.empty() && line.own.back() == "record") status = 125;
        return run(line);
    } catch (const failure& error) {
        fmt::print(stderr, "cenote: {}\n", error.what());
        return error.status();
    } catch (const cenote::trace::error& error) {
        fmt::print(stderr, "cenote: {}\n", error.what());
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "cenote: out of memory; close other programs, or use a machine with more\n");
    } catch (const std::exception& error) {
        fmt::print(stderr, "cenote: {}\n", error.what());
    }
    return status;
}
