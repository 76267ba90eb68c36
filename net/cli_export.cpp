// `tally audit export`: the journal as lines that other programs read, for an auditor who trusts none of ours.
// docs/audit.md has the format; scripts/verify_export reads it.
#include "engine/rfc3339.hpp"
#include "engine/rules_toml.hpp"
#include "net/cli.hpp"
#include "net/cli_audit.hpp"
#include "net/document_codec.hpp"
#include "net/outcome_json.hpp"
#include "wal/rocksdb_journal.hpp"

#include <CLI/CLI.hpp>
#include <flatbuffers/flatbuffers.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>

namespace tally::net {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t write_bytes = 256 << 10;

struct export_flags {
  std::string folder;
  std::string format;
  std::string account;
  std::string merchant;
  std::string until;
  std::string file;

  bool is_filtered() const { return !account.empty() || !merchant.empty(); }
};

// Entries as `history` shows them: with the rates of the rules that the journal had until then.
class entry_texts {
public:
  // A `program` entry: the rules from here on.
  void learn(const entry& applied) {
    book& merchant = book_of(applied.merchant_id);
    auto read = read_rules(applied.text, applied.offsets);
    if (std::holds_alternative<ruleset>(read))
      merchant.versions.push_back({applied.version, applied.at, applied.seq, std::string(applied.text), std::get<ruleset>(std::move(read)),
                                   merchant.versions.empty() ? nullptr : &merchant.versions.back()});
    merchant.context.active = merchant.versions.empty() ? nullptr : &merchant.versions.back();
  }
  void append(std::string& out, const entry& one) { append_entry(out, build_entry(builder_, one, book_of(one.merchant_id).context)); }

private:
  struct book {
    std::deque<program> versions;
    actors::document context;
  };

  book& book_of(std::string_view merchant) {
    auto found = books_.find(merchant);
    if (found == books_.end())
      found = books_.try_emplace(std::string(merchant)).first;
    return found->second;
  }

  std::map<std::string, book, std::less<>> books_;
  flatbuffers::FlatBufferBuilder builder_;
};

// RFC 4180: quoted where it has to be, quotes doubled.
void append_csv_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"')
      out += '"';
    out += c;
  }
  out += '"';
}

// One row of an entry's JSON: numbers and texts as they are, null as nothing, lists and objects as their JSON.
void append_csv_row(std::string& out, const json& shown) {
  bool first = true;
  for (const json& value : shown) {
    if (!first)
      out += ',';
    first = false;
    if (value.is_string())
      append_csv_field(out, value.get_ref<const std::string&>());
    else if (!value.is_null())
      append_csv_field(out, value.dump());
  }
  out += "\r\n";
}

// Collects lines and writes them in large pieces.
class line_output {
public:
  explicit line_output(std::FILE* to) : to_(to) {}

  std::string& text() { return text_; }
  bool written() { return text_.size() < write_bytes || flush(); }
  bool flush() {
    if (error_ == 0 && (std::fwrite(text_.data(), 1, text_.size(), to_) != text_.size() || std::fflush(to_) != 0))
      error_ = errno;
    text_.clear();
    return error_ == 0;
  }
  int error() const { return error_; }

private:
  std::FILE* to_;
  std::string text_;
  int error_ = 0;
};

// Turns blocks and entries into lines, up to where it was asked to go.
class exporter {
public:
  exporter(const export_flags& flags, line_output& out, std::optional<seq_t> until_seq, std::optional<instant> until_time)
      : flags_(flags), csv_(flags.format == "csv"), out_(out), until_seq_(until_seq), until_time_(until_time) {}

  void begin() {
    if (csv_)
      write_columns();
    else
      write_head();
  }

  // Whether to go on.
  bool block(const wal::block_header& header, std::span<const std::byte> block) {
    if (interrupted() || !out_.written())
      return false;
    const bool whole = is_wanted(header.last_seq(), header.last_at);
    if (whole && !csv_ && !flags_.is_filtered()) {
      write_block(header, block);
      chained_ = {header.last_seq(), header.hash};
    }
    return true;
  }

  bool entry(const tally::entry& one) {
    if (!is_wanted(one.seq, one.at))
      return false;
    if (one.kind == entry_kind::program)
      texts_.learn(one);
    const bool shown =
        (flags_.account.empty() || one.account == flags_.account) && (flags_.merchant.empty() || one.merchant_id == flags_.merchant);
    if (shown)
      write_entry(one);
    return out_.error() == 0;
  }

  std::uint64_t count() const { return count_; }

  void end() {
    if (csv_)
      return;
    std::string& out = out_.text();
    out += R"({"end":{"entries":)" + std::to_string(count_);
    if (!flags_.is_filtered()) {
      out += R"(,"seq":)" + std::to_string(chained_.newest.value) + R"(,"hash":")";
      append_hex(out, chained_.hash);
      out += '"';
    }
    out += "}}\n";
  }

private:
  bool is_wanted(seq_t number, instant at) const { return (!until_seq_ || number <= *until_seq_) && (!until_time_ || at <= *until_time_); }

  void write_head() {
    std::string& out = out_.text();
    out += R"({"export":{"format":1)";
    for (const auto& [key, value] : {std::pair{"merchant", &flags_.merchant}, {"account", &flags_.account}, {"until", &flags_.until}}) {
      out.append(",\"").append(key).append("\":");
      value->empty() ? void(out += "null") : append_json_text(out, *value);
    }
    out += "}}\n";
  }

  void write_columns() {
    texts_.append(line_, tally::entry{});
    const json columns = json::parse(line_);
    bool first = true;
    for (const auto& column : columns.items()) {
      if (!first)
        out_.text() += ',';
      first = false;
      append_csv_field(out_.text(), column.key());
    }
    out_.text() += "\r\n";
  }

  void write_block(const wal::block_header& header, std::span<const std::byte> block) {
    const auto runs = wal::runs_of(block);
    if (!runs) // its entries will not read either, and that is told
      return;
    std::string& out = out_.text();
    out += R"({"block":{"first":)" + std::to_string(header.first_seq.value) + R"(,"count":)" + std::to_string(header.count) +
           R"(,"prev_hash":")";
    append_hex(out, header.prev_hash);
    out += R"(","hash":")";
    append_hex(out, header.hash);
    out += R"(","header":")";
    append_hex(out, block.first(wal::block_header_bytes));
    out += R"(","runs":[)";
    for (const wal::run& run : *runs) {
      if (&run != &runs->front())
        out += ',';
      out += '[' + std::to_string(run.count) + ',' + std::to_string(run.at.us) + ']';
    }
    out += "]}}\n";
  }

  void write_entry(const tally::entry& one) {
    ++count_;
    if (csv_) {
      line_.clear();
      texts_.append(line_, one);
      append_csv_row(out_.text(), json::parse(line_));
      return;
    }
    std::string& out = out_.text();
    texts_.append(out, one);
    out.pop_back(); // the object's end
    record_.clear();
    wal::encode(one, record_); // an entry has one form of bytes: these are the journal's
    out += R"(,"record":")";
    append_hex(out, record_);
    out += "\"}\n";
  }

  const export_flags& flags_;
  const bool csv_;
  line_output& out_;
  const std::optional<seq_t> until_seq_;
  const std::optional<instant> until_time_;
  entry_texts texts_;
  std::uint64_t count_ = 0;
  wal::digest chained_;
  std::string line_;
  wal::bytes record_;
};

// Standard output, or the file that was named.
struct destination {
  std::FILE* file = stdout;
  std::string name = "standard output";

  ~destination() {
    if (file != stdout && file != nullptr)
      std::fclose(file);
  }
};

int write_failed(const destination& to, int error) {
  if (error == EPIPE) // who read it has enough
    return exit_no;
  return complain(exit_no, "cannot write " + to.name + ": " + std::strerror(error));
}

int run_export(const export_flags& flags) {
  std::optional<seq_t> until_seq;
  std::optional<instant> until_time;
  if (!read_until(flags.until, until_seq, until_time))
    return complain_usage("tally audit export", "--until: '" + flags.until + "' is neither a seq nor an RFC 3339 time");
  const auto journal = wal::open_journal_read_only(flags.folder);
  if (!journal)
    return complain(journal.error().code == failure_code::missing ? exit_usage : exit_no, journal.error().what);
  destination to;
  if (!flags.file.empty()) {
    to.name = flags.file;
    to.file = std::fopen(flags.file.c_str(), "wb");
    if (to.file == nullptr)
      return complain(exit_usage, "cannot write " + flags.file + ": " + std::strerror(errno));
  }
  catch_interrupts();
  line_output out(to.file);
  exporter lines(flags, out, until_seq, until_time);
  lines.begin();
  const auto read = (*journal)->replay_blocks(
      seq_t{1}, [&](const wal::block_header& header, std::span<const std::byte> block) { return lines.block(header, block); },
      [&](const entry& one) { return lines.entry(one); }, progress_line());
  end_progress();
  if (read && !interrupted())
    lines.end();
  out.flush();
  if (out.error() != 0)
    return write_failed(to, out.error());
  if (interrupted())
    return complain(exit_interrupted, "interrupted after " + std::to_string(lines.count()) + " entries: the export is not whole");
  if (!read)
    return complain(exit_no, read.error().what);
  if (lines.count() == 0 && flags.is_filtered())
    return complain(exit_no, "no entry of that account or merchant");
  return exit_done;
}

} // namespace

void register_audit_export(CLI::App& audit, int& status) {
  const auto flags = std::make_shared<export_flags>();
  CLI::App* command = audit.add_subcommand("export", "Writes every entry as a line, with the bytes that its hash covers");
  command->add_option("DIR", flags->folder, data_folder_help)->required()->type_name("");
  command->add_option("FILE", flags->file, "where to; standard output if absent")->type_name("");
  command->add_option("--format", flags->format, "jsonl: with what scripts/verify_export needs; csv: for a spreadsheet")
      ->required()
      ->type_name("jsonl|csv")
      ->check(CLI::IsMember({"jsonl", "csv"}));
  command->add_option("--account", flags->account, "this member's entries only")->type_name("ID");
  command->add_option("--merchant", flags->merchant, "this merchant's entries only")->type_name("ID");
  command->add_option("--until", flags->until, "end with this entry, or at this time")->type_name("SEQ|TIME");
  command->footer("Only a whole export (without --account and --merchant) can be checked against the digest.\n"
                  "Example: tally audit export /var/lib/tallystick --format jsonl | scripts/verify_export\n"
                  "Example: tally audit export /var/lib/tallystick --format csv --account m-1 m-1.csv");
  command->callback([flags, &status] { status = run_export(*flags); });
}

} // namespace tally::net
