using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>What every object has: type, metadata and, for most, status.</summary>
internal static class ObjectSchema
{
    private static readonly ObjectType OwnerReference = Object(
        Required("apiVersion", PlainText, "API version of the owner"),
        Required("kind", PlainText, "Kind of the owner"),
        Required("name", PlainText, "Name of the owner"),
        Required("uid", PlainText, "UID of the owner"),
        Optional("controller", Flag, "True for the owner that manages this object"),
        Optional("blockOwnerDeletion", Flag, "True when the owner may not go before this object"));

    /// <summary>The schema of a kind: its own <paramref name="fields"/> beside apiVersion, kind and metadata.</summary>
    public static ObjectType For(TextType name, bool namespaced, params ReadOnlySpan<Field> fields) => new(
    [
        Required("apiVersion", PlainText, "Group and version of the kind"),
        Required("kind", PlainText, "Kind of the object"),
        Required("metadata", Metadata(name, namespaced), "Name and bookkeeping"),
        .. fields,
        Optional("status", Anything, "What the mesh made of the object; written by Weft"),
    ]);

    private static ObjectType Metadata(TextType name, bool namespaced) => Object(
        Required("name", name, "Name, unique in its kind and namespace"),
        Optional("namespace", Of(TextFormat.DnsLabel), namespaced ? "Namespace that holds the object" : "Not used: the kind belongs to no namespace"),
        Optional("labels", Map(Of(TextFormat.LabelValue), TextFormat.LabelKey), "Words that selectors match"),
        Optional("annotations", Map(PlainText, TextFormat.LabelKey), "Notes for tools; never matched"),
        Optional("ownerReferences", List(OwnerReference), "Objects whose end ends this one"),
        Optional("finalizers", List(PlainText), "What must be done before the object is gone"),
        Optional("generateName", PlainText, "Prefix of the name; kept as written"),
        Optional("uid", PlainText, "Given by the store, never used again"),
        Optional("resourceVersion", PlainText, "Version of the stored object; send it back to detect a concurrent change"),
        Optional("generation", Integer(0), "Counts changes of the spec"),
        Optional("creationTimestamp", Of(TextFormat.Timestamp), "When the store first saw the object"),
        Optional("deletionTimestamp", Of(TextFormat.Timestamp), "When deletion was asked for"),
        Optional("deletionGracePeriodSeconds", Integer(0), "How long deletion may take, in seconds"),
        Optional("selfLink", PlainText, "Not used any more"),
        Optional("managedFields", Anything, "Who wrote which field; carried as it is"));
}
