// The command line client `tally`: puts the commands of net/ and bench/ together.
#include "net/cli.hpp"

#ifdef TALLY_HAS_BENCH
#include "bench/bench_command.hpp"
#endif

#include <vector>

int main(int argc, char** argv) {
  using namespace tally::net;
  std::vector<register_commands> commands{register_exec_command, register_operation_commands};
#ifdef TALLY_HAS_BENCH
  commands.push_back(tally::bench::register_bench_command);
#endif
#ifdef TALLY_HAS_AUDIT
  commands.push_back(register_audit_commands);
#endif
  commands.push_back(register_repair_command);
  commands.push_back(register_backup_commands);
  commands.push_back(register_document_commands);
  return run_command_line(argc, argv, commands);
}
