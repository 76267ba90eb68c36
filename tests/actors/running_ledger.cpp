#include "tests/actors/running_ledger.hpp"

#include "actors/parts.hpp"
#include "actors/shard_core.hpp"

#include <algorithm>
#include <cstdlib>

namespace tally::actors {

const std::string plain_rules = R"(merchant = "beanhouse"
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
)";

temporary_folder::temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "tally-actors-XXXXXX").string();
  TALLY_ASSERT(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ledger_options options_for(const temporary_folder& folder, std::uint32_t shards, std::optional<instant> test_clock) {
  ledger_options options;
  options.folder = folder.path();
  options.shards = shards;
  options.test_clock = test_clock;
  return options;
}

running_ledger::running_ledger(const ledger_options& options) {
  auto opened = ledger::open(options);
  if (!opened)
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
  ledger_ = std::move(*opened);
  start();
}

running_ledger::running_ledger(ledger_options options, std::unique_ptr<wal::journal> journal) {
  auto opened = ledger::open(options, std::move(journal));
  if (!opened)
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
  ledger_ = std::move(*opened);
  start();
}

void running_ledger::start() {
  std::vector<port*> ports;
  for (std::uint32_t i = 0; i < ledger_->shard_count(); ++i)
    ports.push_back(ports_.emplace_back(std::make_unique<scripted_port>()).get());
  ledger_->start(ports);
  for (std::uint32_t i = 0; i < ledger_->shard_count(); ++i)
    threads_.emplace_back([this, i] { ledger_->shard_at(i).run(*ports_[i]); });
}

void running_ledger::stop() {
  if (threads_.empty())
    return;
  for (std::uint32_t i = 0; i < ledger_->shard_count(); ++i)
    ledger_->shard_at(i).stop();
  for (std::thread& each : threads_)
    each.join();
  threads_.clear();
}

std::uint32_t running_ledger::shard_of(std::string_view account, std::string_view merchant) {
  const ledger_parts& parts = ledger_->shard_at(0).core().parts();
  return parts.shard_of(parts.merchants.account_hash(parts.merchants.hash_of(merchant), account));
}

std::vector<std::string> running_ledger::names_on(const std::vector<std::uint32_t>& shards) {
  std::vector<std::string> names;
  for (const std::uint32_t wanted : shards) {
    std::string name;
    do
      name = "m-" + std::to_string(++last_name_);
    while (shard_of(name) != wanted % ledger_->shard_count());
    names.push_back(name);
  }
  return names;
}

std::vector<std::string> running_ledger::fingerprints() {
  TALLY_ASSERT(threads_.empty());
  return fingerprints_of(*ledger_);
}

std::vector<std::string> fingerprints_of(ledger& tally) {
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < tally.shard_count(); ++i)
    tally.shard_at(i).core().accounts().for_each([&](account_actor& each) {
      tally.shard_at(i).core().images().make_whole(each.state()); // what was spilled counts, too
      all.push_back(std::to_string(each.state().merchant) + "/" + std::string(each.id()) + "/" + fingerprint(each.state()));
    });
  std::ranges::sort(all);
  return all;
}

command enroll_of(std::string_view account, std::string_view merchant) { return read_of(op::enroll, account, merchant); }

command earn_of(std::string_view account, std::string_view order, std::int64_t units, std::string_view merchant) {
  command asked = read_of(op::earn, account, merchant);
  asked.order = order;
  asked.total = money_t{units};
  return asked;
}

command redeem_of(std::string_view account, std::string_view order, std::int64_t points, std::string_view merchant) {
  command asked = read_of(op::redeem, account, merchant);
  asked.order = order;
  asked.amount_points = points_t{points};
  return asked;
}

command transfer_of(std::string_view from, std::string_view to, std::string_view reference, std::int64_t points) {
  command asked = read_of(op::transfer, from);
  asked.to = to;
  asked.reference = reference;
  asked.amount_points = points_t{points};
  return asked;
}

command authorize_of(std::string_view account, std::string_view reservation, std::int64_t points) {
  command asked = of_reservation(op::authorize, account, reservation);
  asked.amount_points = points_t{points};
  return asked;
}

command of_reservation(op kind, std::string_view account, std::string_view reservation) {
  command asked = read_of(kind, account);
  asked.reference = reservation;
  return asked;
}

command of_review(op kind, seq_t review, std::string_view merchant) {
  command asked = read_of(kind, {}, merchant);
  asked.seq = review;
  asked.reason = "looked at";
  return asked;
}

command read_of(op kind, std::string_view account, std::string_view merchant) {
  command asked;
  asked.kind = kind;
  asked.merchant = merchant;
  asked.account = account;
  return asked;
}

command put_of(std::string_view toml, std::string_view merchant) {
  command asked = read_of(op::put_program, {}, merchant);
  asked.toml = toml;
  return asked;
}

command advance_to(instant to) {
  command asked = read_of(op::advance_clock, {}, {});
  asked.until = to;
  return asked;
}

} // namespace tally::actors
