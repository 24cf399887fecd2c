using System.Net;

namespace Bookshop;

/// <summary>What customers see: books from catalog, opinions from reviews, a button that orders.</summary>
public static class Storefront
{
    public static async Task<int> RunAsync(Options options)
    {
        var app = options.BuildApp();
        app.MapGet("/", async (HttpClient http) =>
        {
            var page = await http.GetFromJsonAsync<CatalogPage>("http://catalog/books");
            var rows = page!.Books.Select(b =>
                $"<tr><td><a href=\"/books/{b.Id}\">{WebUtility.HtmlEncode(b.Title)}</a></td><td>{WebUtility.HtmlEncode(b.Author)}</td><td>{b.Price}</td><td>{b.Shelf}</td></tr>");
            return Results.Content($"<h1>Bookshop</h1><p>catalog {page.Version}</p><table>{string.Concat(rows)}</table>", "text/html; charset=utf-8");
        });
        app.MapGet("/books/{id:int}", async (int id, HttpClient http) =>
        {
            var book = http.GetFromJsonAsync<Book>($"http://catalog/books/{id}");
            var reviews = http.GetFromJsonAsync<Review[]>($"http://reviews/books/{id}/reviews");
            return Results.Json(new { book = await book, reviews = await reviews });
        });
        app.MapPost("/buy/{id:int}", async (int id, HttpClient http) =>
        {
            using var answer = await http.PostAsJsonAsync("http://orders/orders", new OrderRequest(id, 1));
            return Results.Content(await answer.Content.ReadAsStringAsync(), "application/json", statusCode: (int)answer.StatusCode);
        });
        await app.RunAsync();
        return 0;
    }
}
