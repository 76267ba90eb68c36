// `tally completion bash` and the manual page, both written from the commands as they are registered.
#include "engine/names.hpp"
#include "net/cli.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <set>

namespace tally::net {

namespace {

bool is_shown(const CLI::App& command) { return !command.get_group().empty(); }

std::vector<const CLI::App*> commands_of(const CLI::App& command) {
  std::vector<const CLI::App*> shown;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App* sub) { return is_shown(*sub); }))
    shown.push_back(sub);
  return shown;
}

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
}

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0; }

// Every command with its full name ("tally program apply"), parents first.
void walk(const CLI::App& command, const std::string& path, const std::function<void(const CLI::App&, const std::string&)>& visit) {
  visit(command, path);
  for (const CLI::App* sub : commands_of(command))
    walk(*sub, path + " " + sub->get_name(), visit);
}

// ---- bash -------------------------------------------------------------------------------------------------------------

std::string entry_kind_names() {
  std::string names;
  for (std::uint8_t kind = 1; kind < entry_kind_count; ++kind)
    names.append(names.empty() ? "" : " ").append(name_of(static_cast<entry_kind>(kind)));
  return names;
}

std::string bash_completion(const CLI::App& tally) {
  std::string paths, cases;
  std::set<std::string> kind_flags;
  walk(tally, "tally", [&](const CLI::App& command, const std::string& path) {
    if (path != "tally")
      paths += (paths.empty() ? "" : "|") + ("'" + path + "'");
    std::string flags, subs;
    for (const CLI::Option* option : options_of(command)) {
      for (const auto& name : option->get_lnames()) {
        flags += " --" + name;
        if (option->get_type_name() == "KIND")
          kind_flags.insert("--" + name);
      }
    }
    for (const CLI::App* sub : commands_of(command))
      subs += " " + sub->get_name();
    cases +=
        "    '" + path + "') flags='" + flags.substr(flags.empty() ? 0 : 1) + "' commands='" + subs.substr(subs.empty() ? 0 : 1) + "' ;;\n";
  });
  std::string kinds;
  for (const auto& flag : kind_flags)
    kinds += (kinds.empty() ? "" : "|") + flag;
  return "# bash completion for tally; load it with: source <(tally completion bash)\n"
         "_tally() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=tally word flags= commands=\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$command $word\" in\n"
         "      " +
         paths +
         ") command=\"$command $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$prev\" in\n"
         "    " +
         kinds + ") COMPREPLY=($(compgen -W '" + entry_kind_names() +
         "' -- \"$cur\")); return ;;\n"
         "  esac\n"
         "  case \"$command\" in\n" +
         cases +
         "  esac\n"
         "  if [[ $cur == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -o bashdefault -o default -F _tally tally\n";
}

// ---- the manual -------------------------------------------------------------------------------------------------------

std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\''))
      out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::string option_line(const CLI::Option& option) {
  std::string names;
  for (const auto& name : option.get_snames())
    names += (names.empty() ? "" : ", ") + ("-" + name);
  for (const auto& name : option.get_lnames())
    names += (names.empty() ? "" : ", ") + ("--" + name);
  std::string line = "\\fB" + roff(names) + "\\fR";
  if (names.empty())
    return "\\fI" + roff(option.get_name(true)) + "\\fR";
  if (takes_value(option) && !option.get_type_name().empty())
    line += " \\fI" + roff(option.get_type_name()) + "\\fR";
  return line;
}

std::string synopsis(const CLI::App& command, const std::string& path) {
  std::string line = "\\fB" + roff(path) + "\\fR";
  for (const CLI::Option* option : options_of(command))
    if (option->get_positional()) {
      const std::string name = "\\fI" + roff(option->get_name(true)) + "\\fR";
      line += option->get_required() ? " " + name : " [" + name + "]";
    }
  for (const CLI::Option* option : options_of(command))
    if (option->get_required() && !option->get_positional())
      line += " " + option_line(*option);
  return line + (commands_of(command).empty() ? " [\\fIOPTIONS\\fR]" : " \\fICOMMAND\\fR");
}

std::string manual(const CLI::App& tally) {
  std::string page =
      ".\\\" Written by `tally man`; tests/e2e checks that it is up to date.\n"
      ".TH TALLY 1 \"\" \"Tallystick " TALLY_VERSION "\" \"User Commands\"\n"
      ".SH NAME\ntally \\- the command line of Tallystick, a loyalty\\-points ledger\n"
      ".SH SYNOPSIS\n.B tally\n\\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
      ".SH DESCRIPTION\n"
      "Talks to a tallyd server over TCP: sends operations, shows accounts and their history, applies rules documents, makes load. "
      "It also audits, backs up, archives and repairs a data folder without a server.\n"
      ".SH COMMANDS\n";
  walk(tally, "tally", [&](const CLI::App& command, const std::string& path) {
    if (path == "tally")
      return;
    page += ".SS " + roff(path) + "\n" + roff(command.get_description()) + ".\n.PP\n" + synopsis(command, path) + "\n";
    for (const CLI::Option* option : options_of(command)) {
      if (option->get_lnames() == std::vector<std::string>{"help"})
        continue;
      page += ".TP\n" + option_line(*option) + "\n" + roff(option->get_description());
      if (!option->get_default_str().empty() && takes_value(*option))
        page += " (" + roff(option->get_default_str()) + ")";
      if (!option->get_envname().empty())
        page += ". Environment: " + roff(option->get_envname());
      page += "\n";
    }
    if (!command.get_footer().empty())
      page += ".PP\n.nf\n" + roff(command.get_footer()) + "\n.fi\n";
  });
  return page + ".SH EXIT STATUS\n"
                ".TP\n0\ndone\n.TP\n1\nthe answer is a no: findings, or an operation that failed\n.TP\n2\nbad usage, or not supported yet\n"
                ".TP\n3\nthe server could not be reached\n"
                ".SH ENVIRONMENT\n"
                ".TP\n.B TALLY_SERVER\nstands in for \\-\\-server\n.TP\n.B TALLY_MERCHANT\nstands in for \\-\\-merchant\n"
                ".SH SEE ALSO\n.BR tallyd (1)\n";
}

int print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return exit_done;
}

} // namespace

void register_document_commands(CLI::App& tally, int& status) {
  CLI::App* completion = tally.add_subcommand("completion", "Prints the completion script of a shell");
  completion->require_subcommand(1);
  completion->add_subcommand("bash", "Prints the completion script of bash")->footer("Example: source <(tally completion bash)");
  completion->get_subcommand("bash")->callback([&tally, &status] { status = print(bash_completion(tally)); });
  tally.add_subcommand("man", "prints the manual page")->group("")->callback([&tally, &status] { status = print(manual(tally)); });
}

} // namespace tally::net
