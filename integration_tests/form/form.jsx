// Shows window.SPEC (a connectionSpecification) as a form with window.GIVEN filled in, and says what is wrong with it.
import { createRoot } from "react-dom/client";
import { flushSync } from "react-dom";
import Form from "@rjsf/core";
import validator from "@rjsf/validator-ajv8";

const byOrder = (properties) => Object.keys(properties).sort((a, b) => properties[a].order - properties[b].order);

// What Airbyte's form does with words of its own: fields in their order, secrets unreadable.
const looksOf = (schema) => {
  const looks = schema.airbyte_secret ? { "ui:widget": "password" } : {};
  if (schema.examples && schema.type === "string") looks["ui:placeholder"] = String(schema.examples[0]);
  if (schema.items) looks.items = looksOf(schema.items);
  if (schema.properties) {
    looks["ui:order"] = byOrder(schema.properties);
    for (const [name, property] of Object.entries(schema.properties)) looks[name] = looksOf(property);
  }
  return looks;
};

// A field of its own for each group.
const groupsOf = (spec) =>
  spec.groups.map((group) => {
    const names = Object.keys(spec.properties).filter((name) => spec.properties[name].group === group.id);
    return {
      type: "object",
      title: group.title,
      properties: Object.fromEntries(names.map((name) => [name, spec.properties[name]])),
      required: spec.required.filter((name) => names.includes(name)),
    };
  });

const shown = [];

const Page = ({ spec, given }) =>
  groupsOf(spec).map((schema) => (
    <Form
      key={schema.title}
      schema={schema}
      uiSchema={{ ...looksOf(schema), "ui:submitButtonOptions": { norender: true } }}
      formData={Object.fromEntries(Object.entries(given).filter(([name]) => name in schema.properties))}
      validator={validator}
      ref={(form) => form && shown.push(form)}
      showErrorList={false}
    />
  ));

flushSync(() => createRoot(document.getElementById("page")).render(<Page spec={window.SPEC} given={window.GIVEN} />));
// An empty form is not wrong yet.
if (Object.keys(window.GIVEN).length) flushSync(() => shown.forEach((form) => form.validateForm()));
