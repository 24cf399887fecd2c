namespace Weft.Resources.Documents;

/// <summary>A limit of <see cref="ReadOptions"/> was passed; reading of the text ends here. Never leaves the readers.</summary>
internal sealed class LimitException(Position at, string message) : Exception(message)
{
    public Position At { get; } = at;
}
