// The command line `tally` (SPEC section 9): which commands there are and what they exit with.
// Each command stands in a cli_*.cpp of its own; `bench` comes from bench/.
#pragma once

#include "net/client.hpp"

#include <span>
#include <string>

namespace CLI {
class App;
}

namespace tally::net {

enum exit_status : int {
  exit_done = 0,
  exit_no = 1,    // the answer is a no: findings, a failed operation
  exit_usage = 2, // bad usage, or not supported yet
  exit_unreachable = 3,
  exit_interrupted = 130, // Ctrl-C, as shells count it
};

// Adds commands to `tally`. A command that runs leaves what the program exits with in `status`.
using register_commands = void (*)(CLI::App& tally, int& status);

void register_exec_command(CLI::App& tally, int& status);
void register_operation_commands(CLI::App& tally, int& status);
void register_repair_command(CLI::App& tally, int& status);
void register_backup_commands(CLI::App& tally, int& status);   // backup, restore, archive
void register_document_commands(CLI::App& tally, int& status); // completion and man
void register_audit_commands(CLI::App& tally, int& status);    // net/cli_audit.cpp

// Runs `tally` with these commands and returns its exit status.
int run_command_line(int argc, char** argv, std::span<const register_commands> commands);

// ---- shared by the commands -------------------------------------------------------------------------------------------

// --server, --merchant and --token-file as every command that talks to a server has them.
struct server_flags {
  std::string server = "127.0.0.1:7411";
  std::string token_file;

  void add_to(CLI::App& command);
};

// A connection, or a message on standard error and the exit status it means.
struct connection {
  std::unique_ptr<client> server;
  int status = exit_done;
};
connection connect(const server_flags& flags, client_options options = {});

// From now on the first Ctrl-C only sets `interrupted`: whoever works ends in order. The second one ends the program. A closed output
// is an error of the writer's and no signal.
void catch_interrupts();
bool interrupted();

// "tally: ..." on standard error; returns `status`.
int complain(int status, const std::string& what);
// The same with a pointer to `command --help`.
int complain_usage(const std::string& command, const std::string& what);
// The exit status of a failure.
int status_of(const failure& why);

} // namespace tally::net
