"""The parts of a snippet that are the same for every call; words in capitals are filled in."""

ANSWERS = '''\
def answers(call, **leaves):
    """The output and the gradients of a call of tensors, or what it raises."""
    leaves = {name: leaf.detach().requires_grad_() for name, leaf in leaves.items()}
    found = {}
    try:
        output = call(**leaves)
        found["output"] = output.detach().cpu()
        if leaves and output.requires_grad:
            gradients = torch.autograd.grad(output, list(leaves.values()), UPSTREAM, allow_unused=True)
            found |= {f"gradient of {name}": g for name, g in zip(leaves, gradients) if g is not None}
    except Exception as error:
        found["raises"] = f"{type(error).__name__}: {error}"
    return found
'''
TWICE = '''\
def answers(call, **leaves):
    """The gradients of <gradients, directions> by every argument, or what is raised."""
    leaves = {name: leaf.detach().requires_grad_() for name, leaf in leaves.items()}
    found = {}
    try:
        output = call(**leaves)
        upstream = UPSTREAM.detach().requires_grad_()
        first = torch.autograd.grad(output, list(leaves.values()), upstream, create_graph=True)
        total = sum((g * directions[name]).sum() for name, g in zip(leaves, first))
        wanted = {"grad_output": upstream, **leaves}
        second = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
        for name, g in zip(wanted, second):
            found[f"second derivative by {name}"] = torch.zeros_like(wanted[name]) if g is None else g
    except Exception as error:
        found["raises"] = f"{type(error).__name__}: {error}"
    return found
'''
TENSOR = '''\
def tensor(array):
    """An array of NumPy as a tensor."""
    values = array if array.dtype.kind in "iubc" else array.astype(np.float64)
    return torch.tensor(values.tolist(), dtype=getattr(torch, str(array.dtype))).reshape(array.shape)
'''
OF_ARRAYS = '''\
def of_arrays(call):
    """The output and the gradients of a call of arrays, or what it raises."""
    found = {}
    try:
        returned = call()
        output, vjp = returned if isinstance(returned, tuple) else (returned, None)
        found["output"] = tensor(np.asarray(output))
        gradients = vjp(grad_output) if vjp else {}
        found |= {f"gradient of {name}": tensor(np.asarray(g)) for name, g in gradients.items()}
    except Exception as error:
        found["raises"] = f"{type(error).__name__}: {error}"
    return found
'''
WARNED = '''\
def warned(call):
    """The answers of a call, with its warnings."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found = call()
    texts = {f"{one.category.__name__} ({str(one.message)[:60]})" for one in given}
    return {**found, "warnings": ", ".join(sorted(texts)) or "none"}
'''
SAME = '''\
def same(one, other):
    """Whether two answers are alike, as far as rounding goes."""
    if not (torch.is_tensor(one) and torch.is_tensor(other)):
        return str(one).partition(":")[0] == str(other).partition(":")[0]
    alike = (one.shape, one.dtype) == (other.shape, other.dtype)
    return alike and torch.allclose(one, other, rtol=RTOL, atol=ATOL, equal_nan=True)
'''
COMPARED = """\
for name in {**expected, **found}:
    one, other = expected.get(name), found.get(name)
    print(f"{name}:{'' if same(one, other) else '   <-- differs'}")
    for side, answer in ("THEIRS", one), ("OURS", other):
        print(f"  {side}: {f'{answer.tolist()} ({answer.dtype})' if torch.is_tensor(answer) else answer}")
"""
_AUTOCAST = '''\
def under(call):
    """The call in a region of autocast."""

    def inside(**leaves):
        with torch.autocast("cpu", dtype=torch.{}):
            return call(**leaves)

    return inside
'''
_DEFAULT_DTYPE = '''\
def under(call):
    """The call where torch's default dtype is another one."""

    def inside(**leaves):
        torch.set_default_dtype(torch.{})
        try:
            return call(**leaves)
        finally:
            torch.set_default_dtype(torch.float32)

    return inside
'''
AROUND = {
    "default float64": _DEFAULT_DTYPE.format("float64"),
    "default bfloat16": _DEFAULT_DTYPE.format("bfloat16"),
    "default device": '''\
def under(call):
    """The call where torch's default device is another one."""

    def inside(**leaves):
        with torch.device("meta"):
            return call(**leaves)

    return inside
''',
    "deterministic": '''\
def under(call):
    """The call in torch's deterministic mode, which fills new memory with nan."""

    def inside(**leaves):
        torch.use_deterministic_algorithms(True)
        try:
            return call(**leaves)
        finally:
            torch.use_deterministic_algorithms(False)

    return inside
''',
    "thread": '''\
def under(call):
    """The call in a thread of its own."""

    def inside(**leaves):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: call(**leaves)).result()

    return inside
''',
    "autocast bfloat16": _AUTOCAST.format("bfloat16"),
    "autocast float16": _AUTOCAST.format("float16"),
    "no_grad": '''\
def under(call):
    """The call without gradients, whose output must not ask for one."""

    def inside(**leaves):
        with torch.no_grad():
            output = call(**leaves)
        if output.requires_grad:
            raise RuntimeError("the output requires a gradient")
        return output

    return inside
''',
    "compile": "under = torch.compile\n",
    "checkpoint": '''\
def under(call):
    """The call run again in the backward."""
    return lambda **leaves: torch.utils.checkpoint.checkpoint(call, use_reentrant=False, **leaves)
''',
}
