using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.FileProviders;

namespace Fairlead.Node.Streaming;

/// <summary>The node's log folder at /logs/, as kubelet serves /var/log: a folder as a page of links, a file as it is.</summary>
internal sealed class LogFolder(string root) : IDisposable
{
    // Hands out nothing that is above its root, nor what is hidden.
    private readonly PhysicalFileProvider _files = new(Directory.CreateDirectory(root).FullName);

    public void Dispose() => _files.Dispose();

    public async Task HandleAsync(HttpContext context, string path)
    {
        var folder = _files.GetDirectoryContents(path);
        if (folder.Exists)
        {
            await AnswerAsync(context, "text/html; charset=utf-8", Encoding.UTF8.GetBytes(Page(folder)));
            return;
        }
        var file = _files.GetFileInfo(path);
        if (!file.Exists)
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status404NotFound, "404 page not found");
            return;
        }
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.SendFileAsync(file, context.RequestAborted);
    }

    private static string Page(IDirectoryContents folder)
    {
        var page = new StringBuilder("<pre>\n");
        foreach (var entry in folder.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            var name = entry.IsDirectory ? entry.Name + "/" : entry.Name;
            page.Append("<a href=\"").Append(Uri.EscapeDataString(entry.Name)).Append(entry.IsDirectory ? "/" : "").Append("\">").Append(WebUtility.HtmlEncode(name)).Append("</a>\n");
        }
        return page.Append("</pre>\n").ToString();
    }

    private static Task AnswerAsync(HttpContext context, string type, byte[] body)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
