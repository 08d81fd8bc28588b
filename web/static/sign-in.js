/** A token after the # of the address is typed for the user; it never leaves the browser before. */
const token = decodeURIComponent(location.hash.slice(1));
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.querySelector("[data-sign-in]");
  form.elements.token.value = token;
  form.submit();
}
