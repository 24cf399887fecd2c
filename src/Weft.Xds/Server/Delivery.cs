namespace Weft.Xds;

/// <summary>What one stream knows about one resource name of one type.</summary>
internal sealed class Delivery
{
    /// <summary>The version that stands for "told that it does not exist". No resource has it: versions are not empty.</summary>
    public const string Absent = "";

    /// <summary>Subscribed to by name, not only matched by a wildcard.</summary>
    public bool Explicit;

    /// <summary>What the client was last sent or brought along: null when neither, <see cref="Absent"/> when it was told there is none.</summary>
    public string? Sent;

    /// <summary>What the client has acknowledged.</summary>
    public string? Acked;

    /// <summary>To be answered even if nothing changed: the client asked (again) and may have forgotten what it had.</summary>
    public bool Asked;

    /// <summary>The pass over the snapshot that last found the name in the wildcard.</summary>
    public long SeenInPass;

    /// <summary>The snapshot in which a resource that the client holds was first missing; null while it is there.</summary>
    public long? MissingSince;

    /// <summary>Whether the client has a version of the resource.</summary>
    public bool Holds => Sent is not null && Sent != Absent;
}

/// <summary>Why a name is to be sent; decides what it waits for.</summary>
internal enum DeliveryKind
{
    /// <summary>The client has nothing under this name, or asked again. It may be waiting, even holding an ACK, for this answer.</summary>
    Answer,

    /// <summary>A newer version of what the client holds.</summary>
    Update,

    /// <summary>What the client holds is gone.</summary>
    Removal,
}
