// A subcommand for every operation, made from the table of fields: flags by field name, a table for people, --json for machines.
#include "net/cli.hpp"
#include "net/cli_show.hpp"
#include "net/cli_tail.hpp"
#include "net/operation_fields.hpp"
#include "net/operation_json.hpp"
#include "net/outcome_json.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>

namespace tally::net {

namespace {

// What one subcommand's flags were set to; lives as long as the command line.
struct operation_flags {
  const operation_shape* shape = nullptr;
  std::string command; // "tally history"
  server_flags server;
  bool json = false;
  std::map<std::string_view, std::string> texts; // by field name
  std::map<std::string_view, bool> switches;
  std::vector<std::string> lines;
  std::map<std::string_view, CLI::Option*> options;
};

std::string flag_name(std::string_view field) {
  std::string name{field};
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

const char* type_name_of(const operation_field& field) {
  struct {
    const char* operator()(std::string_view command::*) const { return "TEXT"; }
    const char* operator()(std::optional<points_t> command::*) const { return "POINTS"; }
    const char* operator()(std::optional<money_t> command::*) const { return "AMOUNT"; }
    const char* operator()(std::optional<instant> command::*) const { return "TIME"; }
    const char* operator()(bool command::*) const { return ""; }
    const char* operator()(std::optional<seq_t> command::*) const { return "SEQ"; }
    const char* operator()(std::optional<std::int32_t> command::*) const { return "N"; }
    const char* operator()(std::optional<std::uint32_t> command::*) const { return "N"; }
    const char* operator()(kind_set command::*) const { return "KIND"; }
    const char* operator()(std::span<const sale_line> command::*) const { return "LINE"; }
  } names;
  return std::visit(names, field.member);
}

void add_field(CLI::App& command, operation_flags& flags, const operation_field& field) {
  const std::string name = flag_name(field.name);
  CLI::Option* option = nullptr;
  if (std::holds_alternative<bool command::*>(field.member)) {
    option = command.add_flag("--" + name, flags.switches[field.name], std::string{field.help});
  } else if (std::holds_alternative<std::span<const sale_line> command::*>(field.member)) {
    option = command.add_option("--line", flags.lines, std::string{field.help})->allow_extra_args(false)->default_str("");
  } else if (field.positional()) {
    const char* also = field.name == "from_seq" ? ",--from" : "";
    option = command.add_option(name + ",--" + name + also, flags.texts[field.name], std::string{field.help});
  } else {
    option = command.add_option("--" + name, flags.texts[field.name], std::string{field.help});
  }
  if (field.required())
    option->required();
  if (!std::holds_alternative<bool command::*>(field.member))
    option->type_name(type_name_of(field));
  flags.options[field.name] = option;
}

// The flags every operation has besides its own.
void add_common(CLI::App& command, operation_flags& flags, bool merchant_required) {
  CLI::Option* merchant = command.add_option("--merchant", flags.texts[merchant_field().name], std::string{merchant_field().help});
  merchant->envname("TALLY_MERCHANT")->type_name("ID")->required(merchant_required);
  flags.options[merchant_field().name] = merchant;
  if (flags.shape->changes)
    for (const auto& field : change_fields())
      add_field(command, flags, field);
  flags.server.add_to(command);
  command.add_flag("--json", flags.json, "print the outcome as one JSON object");
}

const operation_field* field_of(const operation_flags& flags, std::string_view name) { return find_field(*flags.shape, name); }

// False and a message where a value is not what its field takes.
bool fill_command(const operation_flags& flags, std::vector<sale_line>& lines, command& out) {
  out.kind = flags.shape->kind;
  for (const auto& [name, text] : flags.texts) {
    if (flags.options.at(name)->count() == 0)
      continue;
    if (const auto problem = set_field(*field_of(flags, name), text, out)) {
      complain_usage(flags.command, flag_name(name) + ": '" + text + "' " + problem->what);
      return false;
    }
  }
  for (const auto& [name, value] : flags.switches)
    out.*std::get<bool command::*>(field_of(flags, name)->member) = value;
  for (const auto& text : flags.lines) {
    if (const auto problem = parse_sale_line(text, lines.emplace_back())) {
      complain_usage(flags.command, "line: '" + text + "' " + problem->what);
      return false;
    }
  }
  out.lines = lines;
  return true;
}

int status_of(outcome_status status) {
  return status == outcome_status::ok || status == outcome_status::duplicate || status == outcome_status::held ? exit_done : exit_no;
}

int run_command(const operation_flags& flags, const command& operation) {
  const connection connected = connect(flags.server);
  if (!connected.server)
    return connected.status;
  const auto answered = connected.server->call(operation);
  if (!answered)
    return complain(net::status_of(answered.error()), answered.error().what);
  std::string outcome;
  append_outcome(outcome, operation.kind, operation.account, *answered);
  if (!flags.json)
    outcome = show_outcome(operation.kind, outcome);
  else
    outcome += '\n';
  std::fwrite(outcome.data(), 1, outcome.size(), stdout);
  return status_of(answered->head.status);
}

int run_operation(const operation_flags& flags) {
  command operation;
  std::vector<sale_line> lines;
  lines.reserve(flags.lines.size());
  return fill_command(flags, lines, operation) ? run_command(flags, operation) : exit_usage;
}

std::string footer_of(const operation_shape& shape, const std::string& name) {
  std::string example = "Example: tally " + name;
  if (!shape.example.empty())
    example += " " + std::string{shape.example};
  if (shape.kind != op::digest && shape.kind != op::advance_clock)
    example += " --merchant beanhouse";
  return example;
}

std::shared_ptr<operation_flags> add_operation(CLI::App& command, const operation_shape& shape, int& status) {
  const auto flags = std::make_shared<operation_flags>();
  flags->shape = &shape;
  flags->command = "tally " + command.get_name();
  for (const auto& field : shape.fields)
    add_field(command, *flags, field);
  add_common(command, *flags, shape.kind != op::digest && shape.kind != op::advance_clock);
  command.footer(footer_of(shape, command.get_name()));
  command.callback([flags, &status] { status = run_operation(*flags); });
  return flags;
}

// ---- what goes on for ever --------------------------------------------------------------------------------------------

int run_tail(const operation_flags& flags) {
  command operation;
  std::vector<sale_line> lines;
  if (!fill_command(flags, lines, operation))
    return exit_usage;
  const connection connected = connect(flags.server);
  if (!connected.server)
    return connected.status;
  catch_interrupts();
  return print_tail(*connected.server, operation, [] { return true; });
}

void add_tail(CLI::App& command, const operation_shape& shape, int& status) {
  const auto flags = add_operation(command, shape, status);
  command.footer(
      "One JSON object a line, entries of the past first, until Ctrl-C. After a broken connection it goes on behind the last one;\n"
      "a later run does with --from SEQ.\n" +
      footer_of(shape, command.get_name()));
  command.callback([flags, &status] { status = run_tail(*flags); });
}

// ---- the rules ------------------------------------------------------------------------------------------------------

// The document's own `merchant`, so that applying it needs no flag. Only looks; the server reads the whole.
std::string merchant_in(std::string_view toml) {
  for (std::size_t at = 0; at < toml.size();) {
    const std::size_t end = std::min(toml.find('\n', at), toml.size());
    std::string_view line = toml.substr(at, end - at);
    at = end + 1;
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with('['))
      break; // the first table: top-level keys are over
    if (!line.starts_with("merchant"))
      continue;
    line.remove_prefix(std::string_view{"merchant"}.size());
    const std::size_t equals = line.find_first_not_of(" \t");
    if (equals == std::string_view::npos || line[equals] != '=')
      continue;
    const std::size_t open = line.find_first_of("\"'", equals);
    if (open == std::string_view::npos)
      continue;
    const std::size_t close = line.find(line[open], open + 1);
    if (close != std::string_view::npos)
      return std::string{line.substr(open + 1, close - open - 1)};
  }
  return {};
}

struct apply_flags : operation_flags {
  std::string file;
};

int run_apply(apply_flags& flags) {
  std::ifstream file{flags.file, std::ios::binary};
  std::string toml{std::istreambuf_iterator<char>{file}, {}};
  if (!file.is_open() || file.bad())
    return complain(exit_usage, "cannot read " + flags.file);
  command operation;
  std::vector<sale_line> lines;
  if (!fill_command(flags, lines, operation))
    return exit_usage;
  const std::string named = merchant_in(toml);
  if (flags.options.at(merchant_field().name)->count() == 0)
    operation.merchant = named;
  if (operation.merchant.empty())
    return complain(exit_usage, flags.file + " names no merchant: give --merchant");
  operation.toml = toml;
  return run_command(flags, operation);
}

void add_program_apply(CLI::App& program, int& status) {
  CLI::App* apply = program.add_subcommand("apply", "Checks a rules document and makes it the next version");
  const auto flags = std::make_shared<apply_flags>();
  flags->shape = &shape_of(op::put_program);
  flags->command = "tally program apply";
  apply->add_option("FILE", flags->file, "the rules document (TOML)")->required()->type_name("");
  add_common(*apply, *flags, false);
  apply->footer("The merchant is the document's own unless --merchant names another.\nExample: tally program apply rules.toml");
  apply->callback([flags, &status] { status = run_apply(*flags); });
}

// `tally program` shows the rules, `tally program apply FILE` makes new ones.
void add_program_commands(CLI::App& tally, int& status) {
  const operation_shape& shape = shape_of(op::program);
  CLI::App* program = tally.add_subcommand("program", std::string{shape.help});
  const auto flags = add_operation(*program, shape, status);
  CLI::Option* merchant = flags->options.at(merchant_field().name)->required(false); // apply has its own
  program->callback([program, flags, merchant, &status] {
    if (!program->get_subcommands().empty())
      return;
    status = merchant->count() == 0 ? complain_usage(flags->command, "--merchant is required") : run_operation(*flags);
  });
  program->require_subcommand(0, 1);
  add_program_apply(*program, status);
}

} // namespace

void register_operation_commands(CLI::App& tally, int& status) {
  for (const auto& shape : operation_shapes()) {
    const std::string name = flag_name(name_of(shape.kind));
    if (shape.kind == op::program)
      add_program_commands(tally, status);
    else if (shape.kind == op::put_program)
      continue; // `program apply`
    else if (shape.kind == op::tail)
      add_tail(*tally.add_subcommand(name, std::string{shape.help}), shape, status);
    else
      add_operation(*tally.add_subcommand(name, std::string{shape.help}), shape, status);
  }
}

} // namespace tally::net
