#include "actors/ledger.hpp"

#include "actors/parts.hpp"
#include "actors/recovery.hpp"
#include "actors/shard_core.hpp"
#include "actors/supervisor.hpp"
#include "wal/rocksdb_journal.hpp"
#include "wal/table_file.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <future>
#include <random>
#include <thread>

namespace tally::actors {

namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::uint32_t shard_count_for(std::uint32_t asked) {
  constexpr std::uint32_t shards_max = 256;
  return std::clamp(asked != 0 ? asked : std::thread::hardware_concurrency() / 2, 1u, shards_max);
}

// RocksDB takes some bytes of a table apart before it looks at a checksum, and ends the process where they are bad: both stores are looked
// at before it is.
result<std::unique_ptr<personal::store>> open_personal(const ledger_options& options) {
  const std::filesystem::path folder = options.folder / "personal";
  if (const result<void> sound = wal::check_tables(folder, options.env); !sound)
    return failure{sound.error().code, "personal data " + sound.error().what};
  return personal::store::open(folder, options.env);
}

result<std::unique_ptr<snapshot::image_store>> open_images(const ledger_options& options) {
  snapshot::image_store_options images;
  images.folder = options.folder / "images";
  images.is_read_all_the_time = options.resident_accounts != 0;
  images.env = options.env;
  if (const result<void> sound = wal::check_tables(images.folder, options.env); !sound)
    return failure{sound.error().code, "account images: " + sound.error().what + ". Without the folder the next start makes them again"};
  return snapshot::image_store::open(images);
}

} // namespace

ledger_parts::ledger_parts(const ledger_options& options, std::unique_ptr<wal::journal> its_journal, std::uint64_t seed)
    : journal(std::move(its_journal)), clock(options.test_clock), merchants(seed), stepped(options.stepped_actors) {
  // Work stealing walks deep queues under spinlocks, and a hot actor would keep its worker for ever.
  caf_config.set("scheduler.policy", options.stepped_actors ? caf::atom("testing") : caf::atom("sharing"));
  caf_config.set("scheduler.max-threads", 2u);
  caf_config.set("scheduler.max-throughput", 100u);
  system = std::make_unique<caf::actor_system>(caf_config);
  const std::uint32_t count = shard_count_for(options.shards);
  for (std::uint32_t i = 0; i < count; ++i)
    shards.push_back(std::make_unique<shard>(*this, i));
}

struct ledger::impl {
  impl(const ledger_options& options, std::unique_ptr<wal::journal> journal)
      : parts(options, std::move(journal), options.stepped_actors ? 1 : random_seed()) {}

  // Runs `act` on the shard's thread while it runs, else here.
  template <class Act>
  void on_shard(shard_core& core, const Act& act) {
    if (!core.running() || shard_core::current() == &core)
      return act(core);
    const auto done = std::make_shared<std::promise<void>>();
    std::future<void> finished = done->get_future();
    core.post(std::make_unique<errand>([&act, done](shard_core& owner) {
      act(owner);
      done->set_value();
    }));
    while (finished.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
      if (!core.running() && finished.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready)
        return act(core); // it ended meanwhile, and looks into its inbox no more
  }

  ledger_parts parts;
};

result<std::unique_ptr<ledger>> ledger::open(const ledger_options& options, const std::function<void(seq_t)>& progress) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error)
    return failure{failure_code::io, options.folder.string() + ": " + error.message()};
  wal::journal_options journal_options;
  journal_options.folder = options.folder / "journal";
  journal_options.sync = options.sync;
  auto journal = wal::rocksdb_journal::open(journal_options);
  if (!journal)
    return journal.error();
  return open(options, std::move(*journal), progress);
}

result<std::unique_ptr<ledger>> ledger::open(const ledger_options& options, std::unique_ptr<wal::journal> journal,
                                             const std::function<void(seq_t)>& progress) {
  auto personal = open_personal(options);
  if (!personal)
    return personal.error();
  std::unique_ptr<ledger> opened(new ledger(std::make_unique<impl>(options, std::move(journal))));
  ledger_parts& parts = opened->impl_->parts;
  parts.personal = std::move(*personal);
  if (options.snapshot_every.count() > 0) {
    auto images = open_images(options);
    if (!images)
      return images.error();
    parts.images = std::move(*images);
    parts.snapshots = std::make_unique<snapshotter>(parts, options.snapshot_every);
    if (options.resident_accounts != 0)
      parts.resident_accounts_max = std::max<std::size_t>(options.resident_accounts / parts.shards.size(), 1);
  }
  if (const result<void> recovered = recover(parts, progress); !recovered)
    return recovered.error();
  return opened;
}

ledger::ledger(std::unique_ptr<impl> its_impl) : impl_(std::move(its_impl)) {}

ledger::~ledger() {
  close();
  impl_->parts.supervisor = {};
  impl_->parts.system.reset(); // waits for the ordinary actors, which know the shards
  for (const auto& each : impl_->parts.shards)
    each->core().forget_mail(); // what is dropped answers `unavailable`, to shards that must still be there
}

std::uint32_t ledger::shard_count() const { return static_cast<std::uint32_t>(impl_->parts.shards.size()); }

shard& ledger::shard_at(std::uint32_t index) { return *impl_->parts.shards.at(index); }

void ledger::start(std::span<port* const> ports) {
  ledger_parts& parts = impl_->parts;
  TALLY_ASSERT(!parts.started && ports.size() == parts.shards.size(), static_cast<long long>(ports.size()));
  parts.started = true;
  parts.ports.assign(ports.begin(), ports.end());
  parts.journal->start(shard_count(), [&parts](seq_t durable) {
    for (std::uint32_t i = 0; i < parts.shards.size(); ++i)
      parts.core(i).wake_for(durable);
  });
  parts.supervisor = parts.system->spawn<caf::no_spawn_options>(supervisor, &parts);
  if (parts.snapshots && !parts.stepped)
    parts.snapshots->start();
}

void ledger::give_up_scans() { impl_->parts.giving_up.store(true, std::memory_order_relaxed); }

void ledger::close() {
  ledger_parts& parts = impl_->parts;
  if (parts.closed)
    return;
  parts.closed = true;
  for (const auto& each : parts.shards)
    TALLY_ASSERT(!each->core().running(), each->index());
  if (parts.started) {
    caf::anon_send_exit(parts.supervisor, caf::exit_reason::user_shutdown);
    if (parts.snapshots)
      parts.snapshots->stop();
    parts.journal->stop();
    if (parts.snapshots)
      parts.snapshots->finish();
  }
  for (const auto& each : parts.shards)
    each->core().retire_accounts();
}

caf::actor_system& ledger::system() { return *impl_->parts.system; }

caf::actor ledger::account(std::string_view merchant_id, std::string_view account_id) {
  ledger_parts& parts = impl_->parts;
  const std::uint64_t merchant_hash = parts.merchants.hash_of(merchant_id);
  const merchant* of = parts.merchants.find(merchant_id, merchant_hash);
  if (of == nullptr || parts.closed)
    return {};
  const std::uint64_t hash = parts.merchants.account_hash(merchant_hash, account_id);
  caf::actor found;
  impl_->on_shard(parts.core(parts.shard_of(hash)), [&](shard_core& owner) {
    if (account_actor* account = owner.find(*of, hash, account_id))
      found = account->handle();
  });
  return found;
}

void ledger::snapshot_now() {
  TALLY_ASSERT(impl_->parts.snapshots && impl_->parts.started);
  impl_->parts.snapshots->snapshot_now();
}

snapshot_figures ledger::figures() const { return impl_->parts.snapshots ? impl_->parts.snapshots->figures() : snapshot_figures{}; }

snapshotter& ledger::stepped_snapshots() {
  TALLY_ASSERT(impl_->parts.snapshots && impl_->parts.stepped);
  return *impl_->parts.snapshots;
}

wal::journal& ledger::journal() { return *impl_->parts.journal; }

std::size_t ledger::account_count() const {
  std::size_t count = 0;
  for (const auto& each : impl_->parts.shards)
    impl_->on_shard(each->core(), [&](shard_core& owner) { count += owner.accounts().size(); });
  return count;
}

std::size_t ledger::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& each : impl_->parts.shards)
    impl_->on_shard(each->core(), [&](shard_core& owner) { bytes += owner.memory_bytes(); });
  return bytes;
}

} // namespace tally::actors
