#include "net/cli.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace tally::net {

namespace {

constexpr const char* description = "The command line of Tallystick, a loyalty-points ledger.";
constexpr const char* footer = R"(Exit status: 0 done, 1 the answer is a no, 2 bad usage, 3 the server could not be reached.
Environment: TALLY_SERVER and TALLY_MERCHANT stand in for --server and --merchant.
Example: tally account m-1 --merchant beanhouse)";

// The innermost command that was named: whose --help helps.
std::string named_command(const CLI::App& app) {
  std::string path = app.get_name();
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  return path;
}

// What was given and nobody takes, in the innermost command that was named.
std::string unexpected_argument(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty())
    at = at->get_subcommands().front();
  const auto rest = at->remaining();
  const auto flag = std::find_if(rest.begin(), rest.end(), [](const std::string& argument) { return argument.starts_with("-"); });
  if (flag != rest.end())
    return "there is no option " + *flag;
  return rest.empty() ? "" : (at == &app ? "there is no command '" : "one too many: '") + rest.front() + "'";
}

int explain(const CLI::App& app, const CLI::ParseError& error, bool nothing_given) {
  std::string what = nothing_given ? "a command is missing" : unexpected_argument(app);
  if (what.empty())
    what = std::string_view{error.what()}.starts_with("A subcommand") ? "a command is missing" : error.what();
  const std::string command = named_command(app);
  return complain_usage(command, what);
}

// Flags may be spelled as the JSON keys are: --expire_days is --expire-days.
std::vector<std::string> arguments_of(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::string& argument : arguments) {
    if (argument == "--")
      break;
    if (argument.starts_with("--"))
      std::replace(argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size())), '_',
                   '-');
  }
  std::reverse(arguments.begin(), arguments.end()); // as CLI11 takes them
  return arguments;
}

} // namespace

int run_command_line(int argc, char** argv, std::span<const register_commands> commands) {
  CLI::App app{description, "tally"};
  app.set_version_flag("--version", "tally " TALLY_VERSION);
  app.set_help_flag("-h,--help", "Prints this help and exits");
  app.option_defaults()->always_capture_default();
  app.footer(footer);
  app.require_subcommand(1);
  int status = exit_done;
  for (const register_commands add : commands)
    add(app, status);
  try {
    app.parse(arguments_of(argc, argv));
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    return explain(app, error, argc < 2);
  }
  if (std::fflush(stdout) != 0 && status == exit_done)
    status = exit_no;
  return status;
}

void server_flags::add_to(CLI::App& command) {
  command.add_option("--server", server, "the server")->envname("TALLY_SERVER")->type_name("HOST:PORT");
  command.add_option("--token-file", token_file, "not supported yet")->type_name("FILE");
}

connection connect(const server_flags& flags, client_options options) {
  if (!flags.token_file.empty())
    return {nullptr, complain(exit_usage, "--token-file: not supported yet")};
  const auto address = parse_server_address(flags.server);
  if (!address)
    return {nullptr, complain(exit_usage, "--server: " + address.error().what)};
  options.host = address->host;
  options.port = address->port;
  auto server = client::connect(options);
  if (!server)
    return {nullptr, complain(status_of(server.error()), server.error().what)};
  return {std::move(*server), exit_done};
}

namespace {
volatile std::sig_atomic_t caught = 0;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { caught = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupted() { return caught != 0; }

int complain(int status, const std::string& what) {
  std::fflush(stdout);
  std::fprintf(stderr, "tally: %s\n", what.c_str());
  return status;
}

int complain_usage(const std::string& command, const std::string& what) {
  complain(exit_usage, what);
  std::fprintf(stderr, "Try '%s --help'.\n", command.c_str());
  return exit_usage;
}

int status_of(const failure& why) { return why.code == failure_code::bad_argument ? exit_usage : exit_unreachable; }

} // namespace tally::net
