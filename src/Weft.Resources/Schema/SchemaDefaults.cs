using System.Text.Json.Nodes;

namespace Weft.Resources.Schema;

/// <summary>Fills in what the schema says stands when a field is absent, in place, so that everything after reads one form.</summary>
internal static class SchemaDefaults
{
    public static void Apply(JsonNode? node, FieldType type)
    {
        switch (type)
        {
            case ObjectType expected when node is JsonObject json:
                foreach (var field in expected.Fields)
                {
                    if (field.Default is not null && !json.ContainsKey(field.Name)) json[field.Name] = JsonNode.Parse(field.Default);
                    Apply(json[field.Name], field.Type);
                }
                break;
            case ListType expected when node is JsonArray array:
                foreach (var item in array) Apply(item, expected.Item);
                break;
            case MapType expected when node is JsonObject map:
                foreach (var entry in map) Apply(entry.Value, expected.Value);
                break;
        }
    }
}
