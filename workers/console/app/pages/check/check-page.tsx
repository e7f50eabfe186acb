import { PageHeader } from "../../parts/page-header.tsx";

export default function CheckPage() {
  return <PageHeader title="Check" />;
}
