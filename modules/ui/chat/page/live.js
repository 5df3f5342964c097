/* The reply that is being made, told to the other scripts. */

watch("value", () => tell("live", props.value));
