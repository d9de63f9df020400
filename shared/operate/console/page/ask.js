// The one dialog: a question before what cannot be undone.

const dialog = document.getElementById("ask");
const note = document.getElementById("ask-note");
const confirm = document.getElementById("ask-confirm");
const cancel = document.getElementById("ask-cancel");
const text = note.querySelector("textarea");

// ask returns what was answered, {note}, or null.
export function ask(question) {
  document.getElementById("ask-title").textContent = question.title;
  document.getElementById("ask-text").textContent = question.text;
  confirm.textContent = question.confirm;
  confirm.className = question.danger ? "danger solid" : "solid";
  cancel.hidden = Boolean(question.only);
  note.hidden = !question.note;
  text.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  (question.note ? text : question.danger ? cancel : confirm).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? { note: text.value.trim() } : null), { once: true });
  });
}

confirm.addEventListener("click", () => {
  const needed = !note.hidden && text.value.trim() === "";
  text.setAttribute("aria-invalid", String(needed));
  if (needed) text.focus();
  else dialog.close("yes");
});
cancel.addEventListener("click", () => dialog.close());
