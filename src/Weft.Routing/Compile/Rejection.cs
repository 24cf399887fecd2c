namespace Weft.Routing.Compile;

/// <summary>Why one resource was refused. Travels back as the NACK's text and into the status of whoever wrote the resource.</summary>
/// <param name="TypeUrl">The resource's xDS type URL.</param>
/// <param name="Resource">The resource's name; empty when the message has none.</param>
/// <param name="Field">Path of the offending field in proto names: <c>virtual_hosts[0].routes[2].route.hash_policy</c>.</param>
/// <param name="Message">One sentence: what is wrong, with the value, and what would be right.</param>
public sealed record Rejection(string TypeUrl, string Resource, string Field, string Message)
{
    public override string ToString() =>
        Field.Length == 0 ? $"{Resource}: {Message}" : $"{Resource}: {Field}: {Message}";
}
