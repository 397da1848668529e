#!/usr/bin/env bash
# Makes a libmesos 1.11.0 that has executors, out of the one of the Python package, which has
# none, and Mesos' own src/exec/exec.cpp: for tests on a machine without a built Mesos.
#
#   mesos-native/full-libmesos.sh MESOS PROTOBUF OUT
#
# MESOS and PROTOBUF are git repositories of apache/mesos (tag 1.11.0) and of
# protocolbuffers/protobuf (tag v3.5.0). OUT/libmesos.so then is what MESOS_NATIVE_LIBRARY can
# name; it needs the files beside it. PROTOC names a protoc of exactly 3.5.0 that is there
# already; without, one is built, which takes some minutes.
#
# Debian: g++, git, libapr1-dev, libcurl4-openssl-dev, libevent-dev, libsasl2-dev, libssl-dev,
# libsvn-dev, zlib1g-dev.
set -euo pipefail

[ $# = 3 ] || { echo "usage: $0 MESOS PROTOBUF OUT" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
mesos=$(realpath "$1") protobuf=$(realpath "$2")
mkdir -p "$3"
out=$(realpath "$3")
work=$out/build
mkdir -p "$work"
cd "$work"

# tree REPOSITORY COMMIT:FOLDER TO
tree() { mkdir -p "$3"; git -C "$1" archive "$2" | tar x -C "$3"; }

for folder in include src 3rdparty/stout 3rdparty/libprocess; do
  tree "$mesos" "1.11.0:$folder" "$folder"
done
tree "$protobuf" v3.5.0:src protobuf
for archive in boost-1.65.0 glog-0.4.0 picojson-1.3.0 rapidjson-1.1.0 http-parser-2.6.2 \
    concurrentqueue-7b69a8f elfio-3.2 csi-0.2.0 csi-1.1.0; do
  git -C "$mesos" show "1.11.0:3rdparty/$archive.tar.gz" | tar xz
done
for patched in boost-1.65.0 picojson-1.3.0 rapidjson-1.1.0; do
  git -C "$mesos" show "1.11.0:3rdparty/$patched.patch" |
    patch --batch --forward --silent -p1 -d "$patched" > patch.log ||
    grep -q Reversed patch.log # by an earlier run
done
mkdir -p gen/mesos gen/glog csi/csi/v0 csi/csi/v1
cp spec-0.2.0/csi.proto csi/csi/v0/
cp spec-1.1.0/csi.proto csi/csi/v1/

# What configure would fill in.
sed -e 's/@PACKAGE_VERSION@/1.11.0/; s/@MESOS_MAJOR_VERSION@/1/' \
    -e 's/@MESOS_MINOR_VERSION@/11/; s/@MESOS_PATCH_VERSION@/0/' \
    include/mesos/version.hpp.in > gen/mesos/version.hpp
cp glog-0.4.0/src/glog/log_severity.h gen/glog/
for header in logging raw_logging stl_logging vlog_is_on; do
  sed -e 's/@ac_google_start_namespace@/namespace google {/; s/@ac_google_end_namespace@/}/' \
      -e 's/@ac_google_namespace@/google/g; s/@ac_cv_cxx_using_operator@/1/' \
      -e 's/@ac_cv_have_libgflags@/0/; s/@ac_cv_have_glog_export@/0/' \
      -e 's/@ac_cv_have___uint16@/0/; s/@ac_cv_have_[a-z0-9_]*@/1/' \
      -e 's/@ac_cv___attribute___noreturn@/__attribute__((noreturn))/' \
      -e 's/@ac_cv___attribute___noinline@/__attribute__((noinline))/' \
      -e 's/@ac_cv___attribute___printf_4_5@/__attribute__((format(printf, 4, 5)))/' \
      "glog-0.4.0/src/glog/$header.h.in" > "gen/glog/$header.h"
done

protoc=${PROTOC:-$work/protoc}
if [ ! -x "$protoc" ]; then
  cat > protoc.cc <<'CC'
#include <google/protobuf/compiler/command_line_interface.h>
#include <google/protobuf/compiler/cpp/cpp_generator.h>

int main(int argc, char** argv)
{
  google::protobuf::compiler::CommandLineInterface line;
  google::protobuf::compiler::cpp::CppGenerator generator;
  line.RegisterGenerator("--cpp_out", &generator, "C++");
  return line.Run(argc, argv);
}
CC
  mkdir -p objects
  (cd protobuf && ls google/protobuf/*.cc google/protobuf/{io,stubs,compiler,compiler/cpp}/*.cc) |
    grep -vE 'test|mock|compiler/main\.cc|msvc' |
    xargs -P "$(nproc)" -I{} sh -c \
      'g++ -std=c++11 -w -Iprotobuf -DHAVE_PTHREAD -c "protobuf/$1" -o "objects/$(echo "$1" | tr / _).o"' _ {}
  g++ -std=c++11 -w -Iprotobuf protoc.cc objects/*.o -lpthread -o "$protoc"
fi
protos=$(cd include && find mesos -name '*.proto')
protos+=" $(cd src && find . -name '*.proto' | grep -vE 'java|python|tests' | sed 's,^\./,,')"
# shellcheck disable=SC2086
"$protoc" -I include -I src -I protobuf -I csi --cpp_out=gen $protos csi/v0/csi.proto csi/v1/csi.proto

cat > missing.cpp <<'CC'
// What exec.cpp refers to and the Python package's library lacks.
#include <cstdlib>
#include <sstream>
#include <string>

#include <mesos/mesos.hpp>
#include <process/pid.hpp>
#include <stout/option.hpp>

namespace process {
UPID::operator std::string() const
{
  std::ostringstream text;
  text << *this;
  return text.str();
}
} // namespace process

namespace mesos {
class ExecutorDriver;
namespace internal {
namespace docker {
// exec.cpp asks whether an executor is this one, which none of ours is.
class DockerExecutor
{
public:
  virtual ~DockerExecutor();
  virtual void killTask(ExecutorDriver*, const TaskID&, const Option<KillPolicy>&);
};
DockerExecutor::~DockerExecutor() {}
void DockerExecutor::killTask(ExecutorDriver*, const TaskID&, const Option<KillPolicy>&)
{
  std::abort();
}
} // namespace docker
} // namespace internal
} // namespace mesos
CC
flags="-std=c++11 -O1 -w -fPIC -DPICOJSON_USE_INT64 -D__STDC_FORMAT_MACROS -DUSE_SSL_SOCKET=1 -DUSE_LIBEVENT=1"
for folder in include gen src 3rdparty/stout/include 3rdparty/libprocess/include protobuf \
    boost-1.65.0 picojson-1.3.0 rapidjson-1.1.0/include http-parser-2.6.2 \
    concurrentqueue-7b69a8f elfio-3.2 /usr/include/apr-1.0 /usr/include/subversion-1; do
  flags+=" -I$folder"
done
# shellcheck disable=SC2086
g++ $flags -c src/exec/exec.cpp -o exec.o
# shellcheck disable=SC2086
g++ $flags -c missing.cpp -o missing.o

# What libmesos wants and this machine may lack, as a local cluster has it.
sed -n 's/^    ("\([A-Z_]*\)", "\(lib[^"]*\)"),$/\1 \2/p' "$root/mesos-local/build.rs" |
  while read -r part name; do
    cc -shared -fPIC -O1 "-DMESOS_STUB_$part" "-Wl,-soname,$name" -o "$out/$name" \
      "$root/mesos-local/stub/mesos_stub.c"
  done
released=$(cargo run --quiet --manifest-path "$root/Cargo.toml" --package mesos-local -- fetch)
ln -sf "$released" "$out/_scheduler.so"
# The old kind of run path, because it serves what is needed by what is needed too.
g++ -shared -o "$out/libmesos.so" exec.o missing.o -L"$out" -l:_scheduler.so \
  -Wl,--no-as-needed "$out/libpython2.7.so.1.0" -Wl,-z,now -Wl,--allow-shlib-undefined \
  -Wl,--disable-new-dtags '-Wl,-rpath,$ORIGIN'
echo "$out/libmesos.so"
