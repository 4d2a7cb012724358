"""The stubs say of the module what it says of itself, and the docstrings' examples are true."""

import ast
import doctest
import inspect
import pathlib

import cvm_count
from cvm_count import _cvm_count

STUBS = ast.parse((pathlib.Path(cvm_count.__file__).parent / "_cvm_count.pyi").read_text()).body


def default(node):
    return ast.literal_eval(node)


def check_signature(function, stub, is_method):
    arguments = stub.args.args[1:] if is_method else stub.args.args
    parameters = list(inspect.signature(function).parameters.values())
    if is_method and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    assert [parameter.name for parameter in parameters] == [argument.arg for argument in arguments], stub.name
    defaults = [parameter.default for parameter in parameters if parameter.default is not inspect.Parameter.empty]
    assert defaults == [default(node) for node in stub.args.defaults], stub.name


def public(names):
    return {name for name in names if not name.startswith("_") or name == "__version__"}


def test_stubs_name_what_there_is():
    stubs = {node.name: node for node in STUBS if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")}
    assert set(stubs) | {"__version__"} == public(vars(_cvm_count))
    assert set(stubs) | {"__version__"} == set(cvm_count.__all__)
    for name, stub in stubs.items():
        there = getattr(_cvm_count, name)
        if isinstance(stub, ast.FunctionDef):
            check_signature(there, stub, is_method=False)
            continue
        members = {node.name: node for node in stub.body}
        assert public(members) == public(vars(there)), name
        for member, node in members.items():
            assert hasattr(there, member), member
            decorators = [decorator.id for decorator in node.decorator_list]
            assert isinstance(vars(there).get(member), type(_cvm_count.Sketch.kind)) == ("property" in decorators), member
            if member == "__new__":
                check_signature(there, node, is_method=True)
            elif not member.startswith("__") and "property" not in decorators:
                check_signature(getattr(there, member), node, is_method=True)


def test_everything_public_is_described():
    for name in cvm_count.__all__:
        if name == "__version__":
            continue
        there = getattr(cvm_count, name)
        assert inspect.getdoc(there), name
        if isinstance(there, type):
            for member in public(vars(there)):
                assert inspect.getdoc(getattr(there, member)), member


def test_examples_are_true():
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    examples = 0
    for there in (cvm_count, cvm_count.Sketch, cvm_count.Builder, cvm_count.sketch, cvm_count.count_approx, cvm_count.union, cvm_count.hash):
        for test in finder.find(there, getattr(there, "__name__"), module=False, globs={}):
            examples += len(test.examples)
            runner.run(test)
    readme = pathlib.Path(__file__).parents[1] / "README.md"
    failed, tried = doctest.testfile(str(readme), module_relative=False)
    assert runner.failures == failed == 0
    assert examples > 15 and tried > 2


def test_the_version_is_that_of_the_workspace():
    root = pathlib.Path(__file__).parents[2]
    assert f'version = "{cvm_count.__version__}"' in (root / "Cargo.toml").read_text()
