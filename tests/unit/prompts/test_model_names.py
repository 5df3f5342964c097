"""The patterns that ship guess a fitting template from the names that people's models have."""

import pytest
import yaml

from modules.prompts.template_sources import ModelFacts, TemplateSources
from tests.unit.prompts.shipped import USER_DATA, names

EXPECTED = """
chavinlo-alpaca-native                              Alpaca
WizardLM_WizardCoder-Python-34B-V1.0                Alpaca
garage-bAInd_Platypus2-13B                          Alpaca
TheBloke_MythoMax-L2-13B-GGUF                       Alpaca
llama-2-7b-chat.Q4_K_M.gguf                         Llama-v2
codellama-7b-instruct.Q5_K_M.gguf                   Llama-v2
Meta-Llama-3-8B-Instruct-Q8_0.gguf                  Llama-v3
Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf              Llama-v3
Llama-3.2-3B-Instruct                               Llama-v3
Llama-3.3-70B-Instruct-Q4_K_M.gguf                  Llama-v3
Llama-4-Scout-17B-16E-Instruct-Q4_K_M.gguf          Llama-v4
Hermes-3-Llama-3.1-8B.Q4_K_M.gguf                   ChatML
dolphin-2.9-llama3-8b.gguf                          ChatML
Llama-3.1-Tulu-3-8B                                 Tulu
tulu-2-dpo-7b                                       Tulu
OLMo-2-1124-7B-Instruct                             Tulu
vicuna-13b-v1.5.Q4_K_M.gguf                         Vicuna-v1.1
Wizard-Vicuna-13B-Uncensored                        Vicuna-v1.1
wizardlm-13b-v1.2                                   Vicuna-v1.1
airoboros-l2-13b-2.2.1                              Airoboros
guanaco-33b-merged                                  Guanaco
pygmalion-2-13b.Q4_K_M.gguf                         Metharme
Mythalion-13B                                       Metharme
oasst-sft-4-pythia-12b-epoch-3.5                    Open Assistant
tinyllama-1.1b-chat-v1.0.Q8_0.gguf                  Zephyr
zephyr-7b-beta.Q4_K_M.gguf                          Zephyr
mistral-7b-instruct-v0.1.Q4_K_M.gguf                Mistral-v1
Mistral-7B-Instruct-v0.2                            Mistral-v1
Mistral-7B-Instruct-v0.3-Q4_K_M.gguf                Mistral-v3
mixtral-8x7b-instruct-v0.1.Q4_K_M.gguf              Mistral-v1
Mixtral-8x22B-Instruct-v0.1                         Mistral-v3
Codestral-22B-v0.1                                  Mistral-v3
Mistral-Nemo-Instruct-2407-Q6_K.gguf                Mistral-v3
Mistral-Small-Instruct-2409                         Mistral-v3
Mistral-Small-24B-Instruct-2501-Q4_K_M.gguf         Mistral
Mistral-Small-3.1-24B-Instruct-2503                 Mistral
Mistral-Large-Instruct-2407                         Mistral-v3
Mistral-Large-Instruct-2411                         Mistral
openchat-3.5-0106                                   OpenChat
Starling-LM-7B-beta                                 OpenChat
OpenHermes-2.5-Mistral-7B                           ChatML
Nous-Hermes-2-Mixtral-8x7B-DPO                      ChatML
mistral-7b-openorca.Q4_K_M.gguf                     ChatML
Orca-2-13b                                          ChatML
orca_mini_v3_13b                                    Solar
gemma-7b-it                                         Gemma
gemma-2-9b-it-Q4_K_M.gguf                           Gemma
gemma-3-12b-it-qat-q4_0.gguf                        Gemma-3
medgemma-4b-it                                      Gemma-3
Phi-3-mini-4k-instruct-q4.gguf                      Phi-3
Phi-3.5-mini-instruct                               Phi-3
phi-4-Q4_K_M.gguf                                   Phi-4
Phi-4-mini-instruct-Q8_0.gguf                       Phi-4-mini
c4ai-command-r-v01-Q4_K_M.gguf                      Command-R
command-r-plus                                      Command-R
aya-expanse-8b                                      Command-R
Qwen1.5-7B-Chat                                     ChatML
Qwen2-7B-Instruct                                   Qwen2.5
qwen2.5-0.5b-instruct-q8_0.gguf                     Qwen2.5
Qwen2.5-Coder-32B-Instruct-Q4_K_M.gguf              Qwen2.5
QwQ-32B-Q4_K_M.gguf                                 Qwen2.5
Qwen3-8B-Q4_K_M.gguf                                Qwen3
Qwen3-30B-A3B-Instruct-2507                         Qwen3
Qwen3-Coder-30B-A3B-Instruct-Q4_K_M.gguf            Qwen3-Coder
DeepSeek-V2.5                                       DeepSeek
DeepSeek-V3-0324                                    DeepSeek
DeepSeek-V3.1                                       DeepSeek-V3.1
DeepSeek-R1-Distill-Llama-8B-Q4_K_M.gguf            DeepSeek-R1
DeepSeek-R1-0528-Qwen3-8B                           DeepSeek-R1
gpt-oss-20b-mxfp4.gguf                              gpt-oss
Kimi-K2-Instruct                                    Kimi-K2
GLM-4.5-Air                                         GLM-4.5
MiniMax-M2                                          MiniMax-M2
granite-3.3-8b-instruct-Q4_K_M.gguf                 Granite-3
solar-10.7b-instruct-v1.0.Q4_K_M.gguf               Solar
starchat-beta                                       StarChat
falcon-7b-instruct                                  Falcon
Falcon3-7B-Instruct                                 Tulu
rwkv7-g1-1.5b                                       RWKV-World
Yi-34B-Chat                                         ChatML
Yi-1.5-9B-Chat                                      ChatML
"""
UNKNOWN = ("tiny-chat-Q8_0.gguf", "my-model", "llama-2-7b", "gpt2", "mistral-7b-v0.1", "falcon-7b")


def guess(name: str) -> str:
    return TemplateSources(USER_DATA).for_model(ModelFacts(name, metadata=None)).source


@pytest.mark.parametrize("line", EXPECTED.strip().splitlines())
def test_a_model_is_known_by_its_name(line: str) -> None:
    name, template = line.split(maxsplit=1)
    assert guess(name) == f"guessed from the name ({template})"


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_name_that_says_nothing_gets_chatml(name: str) -> None:
    assert guess(name) == "ChatML (fallback)"


def test_every_template_that_ships_is_guessed_for_some_name() -> None:
    guessed = {line.split(maxsplit=1)[1] for line in EXPECTED.strip().splitlines()}
    assert guessed == set(names())


def test_every_pattern_names_a_template_that_ships() -> None:
    text = (USER_DATA / "models" / "config.yaml").read_text(encoding="utf-8")
    patterns = yaml.safe_load(text)
    assert text.count("  instruction_template: ") == len(patterns)  # no key stands there twice
    assert {tuple(each) for each in patterns.values()} == {("instruction_template",)}
    assert {each["instruction_template"] for each in patterns.values()} == set(names())
