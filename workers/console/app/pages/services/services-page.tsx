import { PageHeader } from "../../parts/page-header.tsx";

export default function ServicesPage() {
  return <PageHeader title="Services" />;
}
