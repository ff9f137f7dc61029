import {render} from "preact";
import {App} from "./app";
import {restoreKey} from "./api";
import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/pages.css";

const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  restoreKey();
  render(<App />, root);
}
