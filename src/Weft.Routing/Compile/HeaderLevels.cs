using Weft.Routing.Headers;

namespace Weft.Routing.Compile;

/// <summary>
/// The header operations of the levels above the place being compiled. They apply from the most specific level to the least, so that the table has the
/// last word, unless the table says <c>most_specific_header_mutations_wins</c>.
/// </summary>
internal sealed class HeaderLevels(bool mostSpecificWins)
{
    private readonly List<HeaderOperation>[] _request = [[], [], []];
    private readonly List<HeaderOperation>[] _response = [[], [], []];

    public void Table(List<HeaderOperation> request, List<HeaderOperation> response) => Set(0, request, response);

    public void Host(List<HeaderOperation> request, List<HeaderOperation> response) => Set(1, request, response);

    public void Route(List<HeaderOperation> request, List<HeaderOperation> response) => Set(2, request, response);

    /// <summary>All levels together, and below them those of a weighted cluster.</summary>
    public (HeaderMutations Request, HeaderMutations Response) Merge(List<HeaderOperation>? clusterRequest = null, List<HeaderOperation>? clusterResponse = null) =>
        (Merge(_request, clusterRequest ?? []), Merge(_response, clusterResponse ?? []));

    private void Set(int level, List<HeaderOperation> request, List<HeaderOperation> response) =>
        (_request[level], _response[level]) = (request, response);

    private HeaderMutations Merge(List<HeaderOperation>[] levels, List<HeaderOperation> cluster)
    {
        HeaderOperation[] operations = mostSpecificWins
            ? [.. levels[0], .. levels[1], .. levels[2], .. cluster]
            : [.. cluster, .. levels[2], .. levels[1], .. levels[0]];
        return HeaderMutationsBuilder.Build(operations);
    }
}
