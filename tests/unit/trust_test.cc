// Chains from seeds, judged by net and by the openssl command. SDWDATE_TRUST_SEED=N replays one.
#include "net/trust.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "support/temporary_directory.h"

namespace sdwdate::net {
namespace {

using std::chrono::days;
using std::chrono::sys_seconds;
using Key = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;

constexpr sys_seconds kNow{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
constexpr const char* kHost = "a.lab.test";

#ifdef SDWDATE_SANITIZED
constexpr unsigned kCases = 300;
#else
constexpr unsigned kCases = 1000;
#endif

std::string pem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string result(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return result;
}

/// Keys are made once: sound ones, then one that is too short.
const std::vector<Key>& keys() {
  static const std::vector<Key> made = [] {
    std::vector<Key> all;
    for (int i = 0; i < 6; ++i) all.emplace_back(EVP_EC_gen("P-256"));
    all.emplace_back(EVP_RSA_gen(1024));
    return all;
  }();
  return made;
}

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return random_() % end; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  struct Plan {
    std::string subject, issuer;
    EVP_PKEY* key = nullptr;
    EVP_PKEY* signer = nullptr;
    bool authority = true;
  };

  Certificate make(const Plan& plan) {
    Certificate made{X509_new()};
    X509* x = made.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), static_cast<long>(below(1'000'000) + 1));
    name(X509_get_subject_name(x), plan.subject);
    name(X509_get_issuer_name(x), plan.issuer);
    X509_set_pubkey(x, plan.key);
    const int kind = static_cast<int>(below(9));  // expired, to come, or around now
    const auto middle = kNow + (kind == 0 ? days{-900} : kind == 1 ? days{900} : days{0});
    ASN1_TIME_set(X509_getm_notBefore(x),
                  (middle - days{100 + static_cast<int>(below(700))}).time_since_epoch().count());
    ASN1_TIME_set(X509_getm_notAfter(x),
                  (middle + days{100 + static_cast<int>(below(700))}).time_since_epoch().count());
    if (plan.authority) {
      if (!one_in(15)) add(x, NID_basic_constraints, one_in(15) ? "critical,CA:FALSE" : "critical,CA:TRUE");
      if (!one_in(6)) add(x, NID_key_usage, one_in(15) ? "critical,cRLSign" : "critical,keyCertSign,cRLSign");
      if (one_in(12))
        add(x, NID_name_constraints, one_in(2) ? "critical,permitted;DNS:lab.test" : "critical,excluded;DNS:lab.test");
      if (one_in(15)) add(x, NID_ext_key_usage, one_in(2) ? "serverAuth" : "clientAuth");
    } else {
      if (one_in(8)) add(x, NID_basic_constraints, "critical,CA:TRUE");
      if (!one_in(4)) add(x, NID_ext_key_usage, one_in(8) ? "clientAuth" : "serverAuth");
      const std::vector<const char*> names{"DNS:a.lab.test",  "DNS:a.lab.test", "DNS:a.lab.test", "DNS:*.lab.test",
                                           "DNS:a*.lab.test", "DNS:b.lab.test", "IP:127.0.0.1"};
      if (!one_in(8)) add(x, NID_subject_alt_name, names[below(names.size())]);
    }
    if (one_in(2)) add(x, NID_subject_key_identifier, "hash");
    X509_sign(x, plan.signer, one_in(20) ? EVP_sha1() : EVP_sha256());
    return made;
  }

 private:
  void name(X509_NAME* into, const std::string& text) {
    const int type = one_in(4) ? MBSTRING_ASC : MBSTRING_UTF8;  // two ways to encode the same name
    X509_NAME_add_entry_by_txt(into, "CN", type, reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  }
  static void add(X509* x, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }

  std::mt19937 random_;
};

/// The openssl command's own word.
bool openssl_accepts(const std::string& folder, sys_seconds time) {
  const std::string command = fmt::format(
      "openssl verify -CAfile {0}/anchors.pem -no-CApath -untrusted {0}/shown.pem -attime {1} -purpose sslserver "
      "-verify_hostname {2} -auth_level 2 {0}/leaf.pem >/dev/null 2>&1",
      folder, time.time_since_epoch().count(), kHost);
  return std::system(command.c_str()) == 0;  // NOLINT(cert-env33-c): the command is the reference
}

/// docs/threat-model.md lists it: the name stands only in the subject, or with a wildcard that is part of a label.
bool name_is_refused_on_purpose(X509* leaf) {
  return X509_check_host(leaf, kHost, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) != 1;
}

struct Counts {
  unsigned accepted = 0, refused = 0;
};

void check_world(unsigned seed, const support::TemporaryDirectory& folder, Counts& counts) {
  World world{seed};
  const std::vector<std::string> names{"root", "between"};
  std::vector<Certificate> roots;
  std::vector<Certificate> shown;
  const auto authority_key = [&](std::size_t first) {
    return keys()[world.one_in(25) ? 6 : first + world.below(world.one_in(3) ? 2 : 1)].get();
  };
  EVP_PKEY* root_key = keys()[0].get();
  for (std::size_t i = 0, n = 1 + world.below(4); i < n; ++i) {
    EVP_PKEY* key = authority_key(0);
    roots.push_back(world.make({"root", "root", key, key, true}));
  }
  for (std::size_t i = 0, n = world.below(4); i < n; ++i) {
    shown.push_back(world.make({"between", "root", authority_key(2), root_key, true}));
  }
  if (world.one_in(4)) shown.push_back(world.make({"root", "other", keys()[0].get(), keys()[4].get(), true}));
  if (world.one_in(4)) roots.push_back(world.make({"other", "other", keys()[4].get(), keys()[4].get(), true}));
  const bool direct = shown.empty() || world.one_in(4);
  const Certificate leaf =
      world.make({kHost, direct ? "root" : "between", keys()[5].get(), keys()[direct ? 0 : 2].get(), false});

  std::string anchors_text;
  std::string shown_text = pem(leaf.get());
  for (const auto& each : roots) anchors_text += pem(each.get());
  for (const auto& each : shown) shown_text += pem(each.get());
  const std::string anchors_file = folder.write("anchors.pem", anchors_text);
  folder.write("shown.pem", shown_text);
  folder.write("leaf.pem", pem(leaf.get()));

  const auto anchors = Anchors::read(anchors_file);
  ASSERT_TRUE(anchors) << anchors.error().message;
  STACK_OF(X509)* stack = sk_X509_new_null();
  sk_X509_push(stack, leaf.get());
  for (const auto& each : shown) sk_X509_push(stack, each.get());
  const ShownChain chain{*anchors, stack, {kHost}};
  const auto ever = chain.verify_at_some_time();
  EXPECT_TRUE(!ever || chain.verify_at(ever->begin)) << "seed " << seed;
  const sys_seconds time = kNow + days{static_cast<int>(world.below(400)) - 200};
  const auto ours = chain.verify_at(time);
  const bool theirs = openssl_accepts(folder.path(), time);
  EXPECT_TRUE(!ours || theirs) << "accepted what openssl verify refuses, seed " << seed;
  EXPECT_TRUE(ours || !theirs || name_is_refused_on_purpose(leaf.get()))
      << "refused what openssl verify accepts, seed " << seed;
  EXPECT_TRUE(!ours || ever) << "refused in the handshake, seed " << seed;
  EXPECT_TRUE(!ours || ours->contains(time)) << "seed " << seed;
  ++(ours ? counts.accepted : counts.refused);
  sk_X509_free(stack);
}

TEST(Trust, VerdictsAreThoseOfOpensslVerify) {
  const support::TemporaryDirectory folder;
  Counts counts;
  if (const char* seed = std::getenv("SDWDATE_TRUST_SEED")) {
    check_world(static_cast<unsigned>(std::atoi(seed)), folder, counts);
    return;
  }
  for (unsigned seed = 1; seed <= kCases && !HasFailure(); ++seed) check_world(seed, folder, counts);
  RecordProperty("accepted", static_cast<int>(counts.accepted));
  EXPECT_GT(counts.accepted, kCases / 20);
  EXPECT_GT(counts.refused, kCases / 20);
}

/// Debian's store has two anchors of this name, which once freed each other.
TEST(Trust, AnIssuerThatIsTwiceInTheSystemsStore) {
  const auto anchors = Anchors::read("");
  if (!anchors) GTEST_SKIP() << anchors.error().message;
  const Certificate leaf{X509_new()};
  X509_set_version(leaf.get(), 2);
  X509_NAME* issuer = X509_get_issuer_name(leaf.get());
  const auto add = [issuer](const char* field, const char* text) {
    X509_NAME_add_entry_by_txt(issuer, field, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text), -1, -1, 0);
  };
  add("C", "ES");
  add("CN", "Autoridad de Certificacion Firmaprofesional CIF A62634068");
  ASN1_TIME_set(X509_getm_notBefore(leaf.get()), (kNow - days{1}).time_since_epoch().count());
  ASN1_TIME_set(X509_getm_notAfter(leaf.get()), (kNow + days{1}).time_since_epoch().count());
  X509_set_pubkey(leaf.get(), keys()[0].get());
  X509_sign(leaf.get(), keys()[0].get(), EVP_sha256());
  STACK_OF(X509)* stack = sk_X509_new_null();
  sk_X509_push(stack, leaf.get());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE((ShownChain{*anchors, stack, {kHost}}.verify_at_some_time()));
  sk_X509_free(stack);
}

}  // namespace
}  // namespace sdwdate::net
