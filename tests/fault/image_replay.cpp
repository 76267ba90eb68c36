#include "tests/fault/image_replay.hpp"

#include "actors/parts.hpp"
#include "actors/shard_core.hpp"
#include "tests/actors/running_ledger.hpp"
#include "tests/fault/simulated_ledger.hpp"
#include "tests/fault/totals.hpp"

#include <set>

namespace tally::fault {
namespace {

result<std::unique_ptr<actors::ledger>> open_ledger(const fault_disk& disk, bool with_images) {
  auto journal = wal::rocksdb_journal::open(journal_options_on(disk));
  if (!journal)
    return journal.error();
  actors::ledger_options options = ledger_options_on(disk);
  options.test_clock = actors::new_year;
  if (!with_images)
    options.snapshot_every = {};
  return actors::ledger::open(options, std::move(*journal));
}

const actors::ledger_parts& parts_of(actors::ledger& tally) { return tally.shard_at(0).core().parts(); }

// "1/m-3", of a fingerprint's line
std::string name_of(const std::string& line) { return line.substr(0, line.find('/', line.find('/') + 1)); }

void bring_back(actors::ledger& tally, const std::string& name) {
  const actors::ledger_parts& parts = parts_of(tally);
  const std::size_t slash = name.find('/');
  const actors::merchant* of = parts.merchants.at(static_cast<merchant_number>(std::stoul(name)));
  if (of == nullptr)
    return;
  const std::string id = name.substr(slash + 1);
  const std::uint64_t hash = parts.merchants.account_hash(of->hash, id);
  parts.core(parts.shard_of(hash)).find(*of, hash, id);
}

std::string image_that_is_too_much(const snapshot::image_store& images, const std::set<std::string>& names, seq_t newest) {
  std::string problem;
  const result<void> read = images.for_each_note({}, {}, [&](std::string_view key, const snapshot::image_note& note) {
    const std::string name = std::to_string(snapshot::merchant_of_key(key)) + "/" + std::string(snapshot::account_of_key(key));
    if (!names.contains(name) || note.last_seq > newest)
      problem = "the image of " + name + " is of entry " + std::to_string(note.last_seq.value) + ", and the journal ends with " +
                std::to_string(newest.value);
    return problem.empty();
  });
  return read ? problem : read.error().what;
}

} // namespace

image_comparison compare_with_replay(const disk_content& content) {
  image_comparison compared;
  const fault_disk first(content), second(content);
  const auto replayed = open_ledger(first, false);
  if (!replayed) {
    compared.problem = "does not replay: " + replayed.error().what;
    return compared;
  }
  const auto restored = open_ledger(second, true);
  if (!restored) {
    compared.refusal = restored.error().what;
    return compared;
  }
  const std::vector<std::string> expected = actors::fingerprints_of(**replayed);
  std::set<std::string> names;
  for (const std::string& each : expected) {
    names.insert(name_of(each));
    bring_back(**restored, name_of(each));
  }
  const actors::ledger_parts& parts = parts_of(**restored);
  compared.accounts = expected.size();
  compared.newest = parts.journal->durable_seq().value;
  compared.point = parts.images->point() ? parts.images->point()->seq.value : 0;
  const std::vector<std::string> found = actors::fingerprints_of(**restored);
  if (found.size() != expected.size())
    compared.problem = std::to_string(found.size()) + " accounts of " + std::to_string(expected.size());
  for (std::size_t i = 0; compared.problem.empty() && i < found.size(); ++i)
    if (found[i] != expected[i])
      compared.problem = "account " + name_of(expected[i]) + " is another one";
  if (compared.problem.empty())
    compared.problem = image_that_is_too_much(*parts.images, names, parts.journal->durable_seq());
  return compared;
}

std::string make_ready(disk_content& content) {
  {
    fault_disk torn(content);
    if (const auto opened = wal::rocksdb_journal::open(journal_options_on(torn)); !opened) {
      const auto repaired = wal::repair_journal(journal_name, torn.env.get());
      if (opened.error().code != failure_code::corrupt || !repaired)
        return opened.error().what + "; " + (repaired ? "" : repaired.error().what);
      content = torn.files->content();
    }
  }
  const std::string images = ledger_options_on(fault_disk()).folder / "images";
  const fault_disk looked_at(content);
  if (const auto opened = snapshot::image_store::open({.folder = images, .env = looked_at.env.get()}); !opened) {
    const std::string& why = opened.error().what;
    if (opened.error().code != failure_code::corrupt || why.find("MANIFEST") == std::string::npos ||
        why.find("without the folder the next start") == std::string::npos)
      return why;
    std::erase_if(content.files, [&](const auto& each) { return each.first.starts_with(images); });
    count_fault("account images with a torn list of tables, taken away");
  }
  return {};
}

} // namespace tally::fault
