"""What can go wrong with models and their data: one root, leaves named for the fact, each with a stable `code`."""


class ClassifierError(Exception):
    """The root: the message is one line for people, `code` is for programs."""

    code = "classifier_error"


class UnknownVersion(ClassifierError):
    """No version of that name is in the registry."""

    code = "unknown_version"

    def __init__(self, version: str) -> None:
        super().__init__(f"no version {version!r} in the registry; `classifiers list` names those there are")
        self.version = version


class VersionExists(ClassifierError):
    """A version of that name is already there; versions never change once they are in the registry."""

    code = "version_exists"

    def __init__(self, version: str) -> None:
        super().__init__(f"version {version!r} is already in the registry, and versions never change")
        self.version = version


class VersionMisnamed(ClassifierError):
    """A name that no version may have."""

    code = "version_misnamed"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"{version[:80]!r} is no name for a version: small letters, digits, . _ - are allowed, 64 at most, "
            "the first a letter or digit"
        )
        self.version = version


class VersionBroken(ClassifierError):
    """A version folder lacks a file, or a file is not what the manifest or its own header says."""

    code = "version_broken"


class AlreadyActive(ClassifierError):
    """The active version is neither promoted again nor in shadow too: it would be set beside itself."""

    code = "already_active"

    def __init__(self, version: str) -> None:
        super().__init__(f"version {version} is the active one already")
        self.version = version


class VersionTooLarge(ClassifierError):
    """A version, or an archive once unpacked, is larger than this package agrees to read."""

    code = "version_too_large"


class DigestMismatch(ClassifierError):
    """A file of a version has other bytes than those its manifest was written for."""

    code = "digest_mismatch"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} does not have the digest its manifest names: it was damaged or changed after training"
        )
        self.file = file


class LibraryMismatch(ClassifierError):
    """A version was made with a library, or in a format, that this installation cannot read."""

    code = "library_mismatch"


class LibraryMissing(ClassifierError):
    """An optional library is needed for this step."""

    code = "library_missing"

    def __init__(self, library: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {library}, which is not installed: pip install 'comment-moderation[ml]'")
        self.library = library


class UntrustedType(ClassifierError):
    """A stored pipeline names a type outside the allow-list; nothing of it was built."""

    code = "untrusted_type"


class DatasetInvalid(ClassifierError):
    """Rows that cannot be learned from: not the format the name says, wrong columns, values out of range."""

    code = "dataset_invalid"


class RecipeInvalid(ClassifierError):
    """A recipe file has a field or a value that training does not know."""

    code = "recipe_invalid"


class TooFewLabels(ClassifierError):
    """Fewer labels than training agrees to draw a conclusion from."""

    code = "too_few_labels"

    def __init__(self, found: int, needed: int, attribute: str = "") -> None:
        of = f" of {attribute}" if attribute else ""
        super().__init__(f"{found} labels{of}, at least {needed} are needed (near-duplicates count once)")
        self.found = found
        self.needed = needed


class LabelsOneSided(ClassifierError):
    """All labels, or nearly all, say the same."""

    code = "labels_one_sided"


class NothingToLearn(ClassifierError):
    """No attribute has the labels that it takes, each for a reason of its own."""

    code = "nothing_to_learn"


class GateRefused(ClassifierError):
    """The promotion gate found a candidate worse than it may be; `reasons` says where, in words."""

    code = "gate_refused"

    def __init__(self, version: str, reasons: tuple[str, ...]) -> None:
        super().__init__(f"version {version} was not promoted: " + "; ".join(reasons))
        self.version = version
        self.reasons = reasons


class NothingToRollBack(ClassifierError):
    """No version was active before this one."""

    code = "nothing_to_roll_back"

    def __init__(self) -> None:
        super().__init__("no earlier active version to roll back to")


class VersionInUse(ClassifierError):
    """An active or shadow version cannot be removed."""

    code = "version_in_use"

    def __init__(self, version: str, state: str) -> None:
        super().__init__(f"version {version} is {state}; promote another or switch the shadow off first")
        self.version = version
