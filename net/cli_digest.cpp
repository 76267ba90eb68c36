// `tally audit digest`: seals a journal in a small file that is kept elsewhere, and checks later that the journal still begins with it.
// docs/formats/sealed_digest.md has the file.
#include "net/cli.hpp"
#include "net/cli_audit.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

namespace tally::net {

namespace {

using json = nlohmann::ordered_json;

constexpr std::uint64_t sealed_format = 1;
constexpr std::size_t file_bytes_max = 1 << 20;

struct digest_flags {
  std::string folder;
  std::string sealed;
};

std::string file_of(const wal::sealed_digest& sealed) {
  json points = json::array();
  for (const wal::digest& point : sealed.points)
    points.push_back({point.newest.value, hex_of(point.hash)});
  const wal::digest newest = sealed.points.empty() ? wal::digest{} : sealed.points.back();
  return json{{"sealed_digest", sealed_format}, {"newest", newest.newest.value}, {"hash", hex_of(newest.hash)}, {"points", points}}.dump() +
         "\n";
}

// Empty if it is one.
std::string read_points(const json& object, wal::sealed_digest& out) {
  if (!object.is_object() || !object.contains("sealed_digest"))
    return "is not a sealed digest";
  if (object["sealed_digest"] != sealed_format)
    return "is a sealed digest of format " + object["sealed_digest"].dump() + "; this program knows format 1";
  if (object.size() != 4 || !object.contains("points") || !object["points"].is_array())
    return "is not a sealed digest";
  for (const json& point : object["points"]) {
    if (!point.is_array() || point.size() != 2 || !point[0].is_number_unsigned() || !point[1].is_string())
      return "has a point that is not a seq and a hash";
    const seq_t before = out.points.empty() ? seq_t{} : out.points.back().newest;
    const auto hash = read_hash(point[1].get_ref<const std::string&>());
    const seq_t seq{point[0].get<std::uint64_t>()};
    if (!hash || seq <= before)
      return "has a point that is not a seq after the one before it and a hash";
    out.points.push_back({seq, *hash});
  }
  const wal::digest newest = out.points.empty() ? wal::digest{} : out.points.back();
  const bool agrees = object.contains("newest") && object["newest"] == newest.newest.value && object.contains("hash") &&
                      object["hash"] == hex_of(newest.hash);
  return agrees ? "" : "does not end with the digest that it names";
}

int run_digest(const digest_flags& flags) {
  if (flags.sealed.empty()) {
    const auto sealed = wal::seal_journal(flags.folder, progress_line());
    end_progress();
    if (!sealed)
      return complain(sealed.error().code == failure_code::missing ? exit_usage : exit_no, sealed.error().what);
    const std::string text = file_of(*sealed);
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? exit_done : complain(exit_no, "cannot write the digest");
  }
  const auto sealed = read_sealed_digest(flags.sealed);
  if (!sealed)
    return complain_usage("tally audit digest", sealed.error().what);
  const auto checked = wal::check_seal(flags.folder, *sealed, progress_line());
  end_progress();
  if (!checked)
    return complain(checked.error().code == failure_code::missing ? exit_usage : exit_no, checked.error().what);
  if (*checked) {
    std::printf("%s\n", (*checked)->what.c_str());
    return exit_no;
  }
  std::printf("the journal begins with what was sealed at entry %llu\n",
              static_cast<unsigned long long>(sealed->points.empty() ? 0 : sealed->points.back().newest.value));
  return exit_done;
}

} // namespace

result<wal::sealed_digest> read_sealed_digest(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad())
    return failure{failure_code::bad_argument, "cannot read " + file};
  wal::sealed_digest read;
  const json object = text.size() > file_bytes_max ? json() : json::parse(text, nullptr, false);
  if (const std::string wrong = read_points(object, read); !wrong.empty())
    return failure{failure_code::bad_argument, file + " " + wrong};
  return read;
}

void register_audit_digest(CLI::App& audit, int& status) {
  const auto flags = std::make_shared<digest_flags>();
  CLI::App* digest = audit.add_subcommand("digest", "Seals the journal in a small file to be kept elsewhere, or checks one");
  digest->add_option("DIR", flags->folder, data_folder_help)->required()->type_name("");
  digest->add_option("--sealed", flags->sealed, "check that the journal begins with what this file sealed; exit 1 if not")
      ->type_name("FILE");
  digest->footer("Every hash is checked on the way; nothing is decided again, that is `tally audit verify`.\n"
                 "Example: tally audit digest /var/lib/tallystick > 2026-03-01.digest\n"
                 "Example: tally audit digest /var/lib/tallystick --sealed 2026-03-01.digest");
  digest->callback([flags, &status] { status = run_digest(*flags); });
}

} // namespace tally::net
