// The key stays in this page: it is sent with each question and kept nowhere.
const field = (id) => document.getElementById(id);
const form = field("question");

async function ask() {
  const show = (status, text) => {
    field("status").textContent = status;
    field("answer").textContent = text;
  };
  let variables;
  try {
    variables = JSON.parse(field("variables").value.trim() || "{}");
  } catch (error) {
    return show("The variables are not JSON", String(error.message));
  }
  const headers = { "content-type": "application/json", authorization: `Bearer ${field("key").value.trim()}` };
  const reason = field("reason").value.trim();
  // A header carries bytes; the service reads them as UTF-8.
  if (reason) headers["x-reason"] = String.fromCharCode(...new TextEncoder().encode(reason));
  show("Asking…", "");
  const began = performance.now();
  try {
    const body = JSON.stringify({ query: field("query").value, variables });
    const answer = await fetch("/graphql", { method: "POST", headers, body });
    const text = await answer.text();
    let shown = text;
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // It is shown as it came.
    }
    show(`${answer.status} ${answer.statusText}, ${Math.round(performance.now() - began)} ms`, shown);
  } catch (error) {
    show("The service cannot be reached", String(error.message));
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
