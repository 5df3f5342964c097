/* Value: {people: [{id, name, picture, line}]}. A click on a card begins a chat with that character. */

const cards = element.querySelector(".gallery-cards");
const search = element.querySelector("input");

const make = (kind, name, text = "") => {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
};

const card = (who) => {
  const made = make("button", "gallery-card");
  made.type = "button";
  made.dataset.value = who.id;
  made.setAttribute("role", "listitem");
  if (who.picture) {
    const picture = make("img", "gallery-picture");
    picture.src = who.picture;
    picture.alt = "";
    made.append(picture);
  } else {
    made.append(make("span", "gallery-picture gallery-letter", who.name.trim().slice(0, 1).toUpperCase()));
  }
  made.append(make("b", "", who.name), make("small", "", who.line));
  made.addEventListener("click", () => {
    document.dispatchEvent(new CustomEvent("chat:set", { detail: { character: who.id } }));
    document.querySelector("#tab-chat-button")?.click();
  });
  return made;
};

const draw = () => {
  const people = props.value?.people;
  if (!people) return;
  const wanted = search.value.trim().toLowerCase();
  const found = people.filter((who) => `${who.name} ${who.id}`.toLowerCase().includes(wanted));
  const note = people.length ? "Nobody of that name." : "There are no characters yet: make one in the tab Character.";
  cards.replaceChildren(...(found.length ? found.map(card) : [make("p", "", note)]));
};

search.addEventListener("input", draw);
element.querySelector("button").addEventListener("click", () => trigger("refresh"));
watch("value", draw);
/* Each time that the tab is opened, since characters come and go. */
new IntersectionObserver((seen) => { if (seen.some((each) => each.isIntersecting)) trigger("refresh"); }).observe(element);
