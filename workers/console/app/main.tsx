import "@patternfly/react-core/dist/styles/base.css";
import { createRoot } from "react-dom/client";

const root = document.getElementById("app");
if (root !== null) createRoot(root).render(<h1>Fairlead</h1>);
