"""What request schemas are made of: the strict base class, checked text, prompts, the sampler table as fields."""

from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    Tag,
    create_model,
)

from modules.core.options import Option
from modules.core.sampling import SAMPLERS

TokenId = Annotated[int, Field(ge=0, lt=2**31)]


def _whole(text: str) -> str:
    """JSON can say half of a character ("\\ud800"), which no tokenizer can take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text has half of a surrogate pair") from None
    return text


Text = Annotated[str, AfterValidator(_whole)]


class _FirstFault(FailFast):
    """pydantic's own cannot be part of a union, since it has no hash."""

    def __hash__(self) -> int:
        return hash(type(self))


FIRST_FAULT = _FirstFault()


def _kind_of_prompt(prompt: Any) -> str:
    """Told by its first entry: to try all kinds on a long list would take seconds, and collect a fault per entry of each."""
    if not isinstance(prompt, list):
        return "text_prompt"
    items = cast("list[object]", prompt)
    if not items or isinstance(items[0], str):
        return "text_prompts"
    return "id_prompts" if isinstance(items[0], list) else "id_prompt"


TokenIds = Annotated[list[TokenId], FIRST_FAULT]
Prompt = Annotated[
    Annotated[Text, Tag("text_prompt")]
    | Annotated[list[Text], FIRST_FAULT, Tag("text_prompts")]
    | Annotated[list[TokenId], FIRST_FAULT, Tag("id_prompt")]
    | Annotated[list[TokenIds], FIRST_FAULT, Tag("id_prompts")],
    Discriminator(_kind_of_prompt),
]


class Request(BaseModel):
    """Strict: "5" is no number and 1 is no boolean, as with OpenAI."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
    )


def example(**body: Any) -> ConfigDict:
    """What "Try it out" of /docs begins with; without it every field would be there as null."""
    return ConfigDict(json_schema_extra={"examples": [body]})


def _sampler_field(sampler: Option) -> tuple[Any, Any]:
    """A schema field from a row of the sampler table."""
    limits: dict[str, Any] = {"description": sampler.help}
    if sampler.wire is None and sampler.kind in (int, float):
        limits |= {"ge": sampler.minimum, "le": sampler.maximum}
    wire = sampler.wire or sampler.kind
    return (wire | None, Field(None, **limits))


if TYPE_CHECKING:

    class SamplingFields(Request):
        """The sampler table as schema fields; which there are is data, so a type checker knows none."""
else:
    SamplingFields = create_model(
        "SamplingFields",
        __base__=Request,
        **{
            name: _sampler_field(sampler)
            for sampler in SAMPLERS
            for name in (sampler.name, *sampler.aliases)
        },
    )
