// Command templates renders certificate templates as step-ca does, as the reference for the product's own engine.
//
// Each line of standard input is a JSON object with a template, the variables of a request, the request itself and
// optionally the certificate of an X5C token; each line of standard output is the rendered text and what the
// certificate made of it contains, or the error. The certificate is issued by a throw-away CA whose subject key
// identifier is twenty octets of 1.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"

	// The templates' functions are Sprig's; named here so that go.mod pins the version that is compared with.
	_ "github.com/Masterminds/sprig/v3"
	"go.step.sm/crypto/x509util"
)

// job is one template with all that it may read.
type job struct {
	ID           string                 `json:"id"`
	Template     string                 `json:"template"`
	CommonName   string                 `json:"commonName"`
	SANs         []string               `json:"sans"`
	Token        map[string]interface{} `json:"token"`
	TemplateData map[string]interface{} `json:"templateData"`
	User         map[string]interface{} `json:"user"`
	Webhooks     map[string]interface{} `json:"webhooks"`
	CSR          []byte                 `json:"csr"`
	Crt          []byte                 `json:"crt"`
}

type extension struct {
	ID       string `json:"id"`
	Critical bool   `json:"critical"`
	Value    []byte `json:"value"`
}

// result is the text, and the certificate if there is one; Stage tells where it ended.
type result struct {
	ID         string      `json:"id"`
	Stage      string      `json:"stage"`
	Error      string      `json:"error"`
	Text       string      `json:"text"`
	Subject    []byte      `json:"subject"`
	Extensions []extension `json:"extensions"`
	Serial     string      `json:"serial"`
	NotBefore  time.Time   `json:"notBefore"`
	NotAfter   time.Time   `json:"notAfter"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "templates:", err)
		os.Exit(1)
	}
}

func run() error {
	issuer, key, err := newIssuer()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var j job
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			return err
		}
		if err := out.Encode(render(j, issuer, key)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func newIssuer() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return &x509.Certificate{
		Subject:      pkix.Name{CommonName: "Reference"},
		SubjectKeyId: bytes.Repeat([]byte{1}, 20),
		PublicKey:    key.Public(),
	}, key, nil
}

func (j job) data() (x509util.TemplateData, error) {
	data := x509util.CreateTemplateData(j.CommonName, j.SANs)
	data.SetToken(j.Token)
	if j.Crt != nil {
		crt, err := x509.ParseCertificate(j.Crt)
		if err != nil {
			return nil, err
		}
		data.SetAuthorizationCertificate(crt)
	}
	for name, value := range j.TemplateData {
		data.Set(name, value)
	}
	if j.User != nil {
		data.SetUserData(j.User)
	}
	for name, value := range j.Webhooks {
		data.SetWebhook(name, value)
	}
	return data, nil
}

func render(j job, issuer *x509.Certificate, key *ecdsa.PrivateKey) result {
	r := result{ID: j.ID, Stage: "input"}
	failed := func(err error) result {
		r.Error = err.Error()
		return r
	}
	csr, err := x509.ParseCertificateRequest(j.CSR)
	if err != nil {
		return failed(err)
	}
	data, err := j.data()
	if err != nil {
		return failed(err)
	}
	r.Stage = "render"
	option := x509util.WithTemplate(j.Template, data)
	options := new(x509util.Options)
	if err := option(csr, options); err != nil {
		if message := new(x509util.TemplateError); errors.As(err, &message) {
			r.Stage = "fail"
		}
		return failed(err)
	}
	r.Text = options.CertBuffer.String()
	r.Stage = "certificate"
	certificate, err := x509util.NewCertificate(csr, option)
	if err != nil {
		return failed(err)
	}
	template := certificate.GetCertificate()
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	signed, err := x509util.CreateCertificate(template, issuer, csr.PublicKey, key)
	if err != nil {
		return failed(err)
	}
	r.Stage = "done"
	r.Subject = signed.RawSubject
	for _, e := range signed.Extensions {
		r.Extensions = append(r.Extensions, extension{e.Id.String(), e.Critical, e.Value})
	}
	r.Serial = signed.SerialNumber.String()
	r.NotBefore, r.NotAfter = signed.NotBefore, signed.NotAfter
	return r
}
