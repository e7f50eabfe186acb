import { PageHeader } from "../../parts/page-header.tsx";

export default function ServicePage() {
  return <PageHeader title="Service" />;
}
