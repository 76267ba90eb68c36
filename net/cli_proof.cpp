// `tally audit prove` and `tally audit check`: that one entry is in the journal a digest seals. What a proof is stands in wal/proof.hpp;
// here is its file, one line of JSON.
#include "net/cli.hpp"
#include "net/cli_audit.hpp"
#include "net/document_codec.hpp"
#include "net/outcome_json.hpp"
#include "wal/proof.hpp"

#include <CLI/CLI.hpp>
#include <flatbuffers/flatbuffers.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

namespace tally::net {

namespace {

using json = nlohmann::ordered_json;

constexpr std::uint64_t proof_format = 1;

struct proof_flags {
  std::string folder;
  std::uint64_t number = 0;
  std::string file;
  std::string digest;
  std::string earlier;
  bool as_json = false;
};

// ---- the file ---------------------------------------------------------------------------------------------------------

std::string file_of(const wal::proof& made) {
  std::string links;
  for (const wal::block_link& link : made.links)
    append_hex(links, link);
  const json shown{{"proof", proof_format},
                   {"seq", made.number.value},
                   {"record", hex_of(made.record)},
                   {"block", hex_of(made.block)},
                   {"links", links},
                   {"newest", made.leads_to.newest.value},
                   {"hash", hex_of(made.leads_to.hash)}};
  return shown.dump() + "\n";
}

// Takes one key after the other out of a proof's object.
class proof_fields {
public:
  explicit proof_fields(const json& object) : object_(object) {}

  std::uint64_t number(const char* key) {
    const json* value = find(key);
    if (value != nullptr && value->is_number_unsigned())
      return value->get<std::uint64_t>();
    wrong(key, "is not a number");
    return 0;
  }
  wal::bytes bytes(const char* key) {
    const json* value = find(key);
    wal::bytes read;
    if (value == nullptr || !value->is_string() || !read_hex(value->get_ref<const std::string&>(), read))
      wrong(key, "is not lower-case hexadecimal");
    return read;
  }
  void wrong(const char* key, const char* what) {
    if (what_.empty())
      what_ = std::string(key) + " " + what;
  }
  // Empty if all is well.
  std::string end() {
    if (what_.empty() && taken_ != object_.size())
      what_ = "it has keys that a proof has not";
    return what_;
  }

private:
  const json* find(const char* key) {
    const auto found = object_.find(key);
    if (found == object_.end())
      return nullptr;
    ++taken_;
    return &*found;
  }

  const json& object_;
  std::size_t taken_ = 0;
  std::string what_;
};

result<wal::proof> read_proof(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object())
    return failure{failure_code::corrupt, "it is not one JSON object"};
  proof_fields fields(object);
  wal::proof read;
  if (fields.number("proof") != proof_format)
    fields.wrong("proof", "is a format that this program does not know");
  read.number = {fields.number("seq")};
  read.record = fields.bytes("record");
  read.block = fields.bytes("block");
  const wal::bytes links = fields.bytes("links");
  read.leads_to.newest = {fields.number("newest")};
  const wal::bytes hash = fields.bytes("hash");
  if (links.size() % wal::block_link_bytes != 0)
    fields.wrong("links", "is cut off");
  if (hash.size() != wal::hash_bytes)
    fields.wrong("hash", "is not as long as a hash");
  if (const std::string what = fields.end(); !what.empty())
    return failure{failure_code::corrupt, what};
  read.links.resize(links.size() / wal::block_link_bytes);
  if (!links.empty())
    std::memcpy(read.links.data(), links.data(), links.size());
  std::memcpy(read.leads_to.hash.data(), hash.data(), hash.size());
  return read;
}

// ---- the commands -----------------------------------------------------------------------------------------------------

int run_prove(const proof_flags& flags) {
  wal::prove_options options;
  options.folder = flags.folder;
  options.number = {flags.number};
  options.progress = progress_line();
  if (!flags.digest.empty() && !(options.against = read_hash(flags.digest)))
    return complain_usage("tally audit prove", "--digest: '" + flags.digest + "' is not a digest (64 hexadecimal digits)");
  const auto made = wal::audit_prove(options);
  end_progress();
  if (!made)
    return complain(exit_no, made.error().what);
  const std::string text = file_of(*made);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written ? exit_done : complain(exit_no, "cannot write the proof");
}

void print_proven(const wal::proven& proven, bool as_json) {
  flatbuffers::FlatBufferBuilder builder;
  std::string shown;
  append_entry(shown, build_entry(builder, proven.what, {}));
  if (as_json) {
    // the name of the merchant is not in the proof, its number is
    std::printf(R"({"proven":true,"seq":%llu,"merchant_number":%u,"block_hash":"%s","newest":%llu,"hash":"%s","earlier":%s,"entry":%s})"
                "\n",
                static_cast<unsigned long long>(proven.what.seq.value), proven.what.merchant, hex_of(proven.block.hash).c_str(),
                static_cast<unsigned long long>(proven.reached.newest.value), hex_of(proven.reached.hash).c_str(),
                proven.earlier_at ? std::to_string(proven.earlier_at.value).c_str() : "null", shown.c_str());
    return;
  }
  std::printf("entry %llu is in the journal that the digest seals at entry %llu (merchant number %u)\n%s\n",
              static_cast<unsigned long long>(proven.what.seq.value), static_cast<unsigned long long>(proven.reached.newest.value),
              proven.what.merchant, shown.c_str());
  if (proven.earlier_at)
    std::printf("the earlier digest stood at entry %llu and is part of it\n", static_cast<unsigned long long>(proven.earlier_at.value));
}

int run_check(const proof_flags& flags) {
  const auto sealed = read_hash(flags.digest);
  if (!sealed)
    return complain_usage("tally audit check", "--digest: '" + flags.digest + "' is not a digest (64 hexadecimal digits)");
  std::optional<wal::block_hash> earlier;
  if (!flags.earlier.empty() && !(earlier = read_hash(flags.earlier)))
    return complain_usage("tally audit check", "--earlier: '" + flags.earlier + "' is not a digest (64 hexadecimal digits)");
  std::string text;
  if (flags.file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(flags.file, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in)
      return complain(exit_usage, "cannot read " + flags.file);
  }
  const auto given = read_proof(text);
  if (!given)
    return complain(exit_no, "not a proof: " + given.error().what);
  wal::decode_buffer buffer;
  const auto proven = wal::check_proof(*given, *sealed, earlier, buffer);
  if (!proven)
    return complain(exit_no, "nothing is proven: " + proven.error().what);
  print_proven(*proven, flags.as_json);
  return exit_done;
}

} // namespace

void register_audit_proofs(CLI::App& audit, int& status) {
  const auto flags = std::make_shared<proof_flags>();
  CLI::App* prove = audit.add_subcommand("prove", "Proves that an entry is in the journal, to who has a digest");
  prove->add_option("DIR", flags->folder, data_folder_help)->required()->type_name("");
  prove->add_option("SEQ", flags->number, "the entry")->required()->type_name("");
  prove->add_option("--digest", flags->digest, "a digest noted at the entry or later; the newest if absent")->type_name("HASH");
  prove->footer("The proof is one line of JSON on standard output. It shows the other entries of the entry's block, too.\n"
                "Example: tally audit prove /var/lib/tallystick 1000 > proof.json");
  prove->callback([flags, &status] { status = run_prove(*flags); });

  CLI::App* check = audit.add_subcommand("check", "Checks a proof against a digest; needs no data folder");
  check->add_option("PROOF", flags->file, "the file that `tally audit prove` wrote; - is standard input")->required()->type_name("");
  check->add_option("--digest", flags->digest, "the digest that it must lead to")->required()->type_name("HASH");
  check->add_option("--earlier", flags->earlier, "also: that this older digest is part of it; prove its newest entry for that")
      ->type_name("HASH");
  check->add_flag("--json", flags->as_json, "one JSON object");
  check->footer("Exit 1 and what is wrong if it proves nothing.\n"
                "Example: tally audit check proof.json --digest a02cfab7...");
  check->callback([flags, &status] { status = run_check(*flags); });
}

} // namespace tally::net
